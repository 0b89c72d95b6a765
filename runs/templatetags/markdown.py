"""Markdown that people write into plans, as HTML. Raw HTML in it is shown as text, links never lead to scripts."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

register = template.Library()

_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@register.filter
def markdown(text: str) -> SafeString:
    html: str = _READER.render(text)
    return mark_safe(html)  # noqa: S308 - the reader escapes what is no markdown


@register.filter
def plain(text: str) -> str:
    """Its words in one line, without marks."""
    lines = (token.children for token in _READER.parse(text) if token.children)
    return " ".join("".join(" " if piece.type.endswith("break") else piece.content for piece in line) for line in lines)
