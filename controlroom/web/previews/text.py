"""Files that are text, HTML among them: shown as it is written, never as a page."""

from __future__ import annotations

import re

from django.template.defaultfilters import filesizeformat

from controlroom.web.previews.base import Preview
from runs.queries.artifact_content import FileHead, as_text

CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # colours of a terminal, and signs
BROKEN = "Bytes that are not UTF-8 are shown as \ufffd."


def show(head: FileHead, *, at_most: int) -> Preview:
    """The first `at_most` bytes."""
    data = head.data[:at_most]
    is_whole = head.is_whole and len(data) == len(head.data)
    text = as_text(data, is_whole=is_whole)
    plain = CONTROL.sub("", text.text.replace("\r\n", "\n").replace("\r", "\n"))
    return Preview("text", plain, notes_on(head, shown=len(data), broken=text.broken))


def notes_on(head: FileHead, *, shown: int, broken: bool) -> tuple[str, ...]:
    """What must be said of a text that may be cut or broken."""
    cut = [f"The first {filesizeformat(shown)} of {filesizeformat(head.size)}."] if shown < head.size else []
    return tuple(cut + [BROKEN] * broken)
