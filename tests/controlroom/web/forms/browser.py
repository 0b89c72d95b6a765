"""What a browser would send: the successful controls of a form, read from its HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string

from controlroom.web.forms import ParamsForm


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._text: tuple[str, list[str]] | None = None  # of the textarea that is being read
        self._select: tuple[str, list[str], list[str]] | None = None  # its name, its options, those selected
        self._option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        name, value = known.get("name") or "", known.get("value") or ""
        if tag == "input" and name and (known.get("type") not in ("checkbox", "radio") or "checked" in known):
            self.sent.append((name, tidied(value, str(known.get("type")))))
        elif tag == "textarea":
            self._text = (name, [])
        elif tag == "select":
            self._select = (name, [], [])
        elif tag == "option" and self._select:
            self._select[1].append(value)
            self._select[2].extend([value] if "selected" in known else [])

    def handle_data(self, data: str) -> None:
        if self._text:
            self._text[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text:
            name, pieces = self._text
            text = "".join(pieces).removeprefix("\n")  # HTML's own rule
            self.sent.append((name, text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")))
            self._text = None
        elif tag == "select" and self._select:
            name, options, selected = self._select
            self.sent.extend((name, text) for text in (selected or options)[-1 if selected else 0 :][:1])
            self._select = None


def tidied(text: str, kind: str) -> str:
    """Value sanitization, as the HTML standard has it."""
    text = text.replace("\r", "").replace("\n", "") if kind != "hidden" else text
    if kind in ("email", "url"):
        return text.strip(" \t\n\f\r")
    if kind == "number":
        try:
            float(text)
        except ValueError:
            return ""
    return text


def html_of(form: ParamsForm) -> str:
    return render_to_string("plans/_params.html", {"form": form, "with_link": True})


def sent_by(form: ParamsForm) -> QueryDict:
    """What is sent when nobody touches the form."""
    reader = _Reader()
    reader.feed(html_of(form))
    posted = QueryDict(mutable=True)
    for name, value in reader.sent:
        posted.appendlist(name, value)
    return posted


def changed(posted: QueryDict, changes: Mapping[str, Any]) -> QueryDict:
    """The same after somebody typed: a list replaces all texts of a name, None takes them away."""
    copy = posted.copy()
    for name, value in changes.items():
        copy.setlist(name, [] if value is None else value if isinstance(value, list) else [value])
    return copy
