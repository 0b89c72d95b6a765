"""What steers a terminal, in the output of programs: it is shown to people without it."""

from __future__ import annotations

import re

CONTROL = re.compile(
    r"(\x1b\[[0-9;]{0,64}m)"  # colours, as group 1, for who wants to keep them
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: cursor moves
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and the like: titles, links
    r"|\x1b[@-_]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
)


def without_control(text: str) -> str:
    """The text without escape sequences and control characters; tabs and line feeds stay."""
    return CONTROL.sub("", text)
