"""Markdown that people and steps write, as HTML that is safe to stand in a page of ours.

Raw HTML stays text, links lead to http, https or mail, and nothing is loaded from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pulser.language.limits import KIB

register = template.Library()

RENDERED_CHARS = 128 * KIB  # the worst that one can write takes a second and a half for so much
PLAIN_CHARS = 2 * KIB
CUT = '<p class="soft">Truncated: the text is too long.</p>'
WEB = ("http", "https")
OUTWARD = {"rel": "noopener noreferrer nofollow", "target": "_blank"}
LOWERED = 2  # levels: the page has a title and headings of its own

_READER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@register.filter
def markdown(text: str) -> SafeString:
    """The first 128 Ki characters of it."""
    tokens = _READER.parse(text[:RENDERED_CHARS])
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + LOWERED)}"
        if style := token.attrs.pop("style", ""):  # of a table's cell, by the renderer: `text-align:right`
            token.attrs["class"] = str(style).rpartition(":")[2]
        if token.children:
            token.children = _inline(token.children)
    html = _READER.renderer.render(tokens, _READER.options, {})
    rest = CUT if len(text) > RENDERED_CHARS else ""
    return mark_safe(f"{html}{rest}")  # noqa: S308 - the renderer escapes what is no markdown


@register.filter
def plain(text: str) -> str:
    """The words of its beginning in one line, without marks."""
    lines = (token.children for token in _READER.parse(text[:PLAIN_CHARS]) if token.children)
    return " ".join("".join(" " if piece.type.endswith("break") else piece.content for piece in line) for line in lines)


def _inline(tokens: Sequence[Token]) -> list[Token]:
    """Without links to anything but the web and mail: their words stay."""
    kept: list[Token] = []
    opened: list[bool] = []  # whether each link around this place is kept
    for token in tokens:
        if token.type == "link_open":
            opened.append(_is_allowed(str(token.attrs.get("href", ""))))
            token.attrs = {"href": token.attrs.get("href", ""), **OUTWARD}
        if token.type == "image":
            kept.append(_words_of(token, is_linked=any(opened)))
        elif token.type not in ("link_open", "link_close") or opened[-1]:
            kept.append(token)
        if token.type == "link_close":
            opened.pop()
    return kept


def _is_allowed(href: str) -> bool:
    """Relative ones would lead to pages of ours, at the writer's choice."""
    try:
        parts = urlsplit(href)
        return parts.scheme == "mailto" or (parts.scheme in WEB and bool(parts.netloc))
    except ValueError:
        return False


def _words_of(image: Token, *, is_linked: bool) -> Token:
    """Its words and its address: to load it would tell its server who looks, and when."""
    source, words = str(image.attrs.get("src", "")), escape(image.content or "image")
    html = f'<span class="no-image">[{words}]</span>'
    if _is_allowed(source) and not is_linked:
        outward = " ".join(f'{name}="{value}"' for name, value in OUTWARD.items())
        html = f'<a class="no-image" href="{escape(source)}" {outward}>[{words}]</a>'
    return Token("html_inline", "", 0, content=html)
