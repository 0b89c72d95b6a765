"""Where in a shell script a quoted value keeps its quotes: not inside other quotes, and not in a here-document.

`echo "hello {{ params.name | sh }}"` becomes `echo "hello 'x'"`: between double quotes the single ones are plain signs,
and a `$(...)` in the value would run. A small reader of the shell's quoting finds such places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pulser.language.expressions import Expression

_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:\\?([A-Za-z_]\w*)|'([^'\n]+)'|\"([^\"\n]+)\")")
_SPOKEN = {'"': "double quotes", "'": "single quotes", "`": "backquotes", "<": "a here-document", "#": "a comment"}
_COMMENT_MAY_START_AFTER = " \t\n;&|("


def unquoted_expressions(pieces: Sequence[str | Expression]) -> dict[int, str]:
    """Ordinals of the expressions whose quoting does not hold, with the reason in words."""
    reader = _Reader()
    found = {}
    for piece in pieces:
        if isinstance(piece, str):
            reader.read(piece)
        elif reader.inside:
            found[piece.ordinal] = _SPOKEN[reader.inside]
        if not isinstance(piece, str):
            reader.last = "x"
    return found


class _Reader:
    """Reads a script sign by sign and knows what surrounds the place that it has come to."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.last = "\n"
        self.bodies: list[tuple[str, bool]] = []
        self.line = ""

    @property
    def inside(self) -> str:
        """The kind of quotes around this place, or nothing where a quoted value is safe."""
        return self.stack[-1] if self.stack and self.stack[-1] != "(" else ""

    def read(self, text: str) -> None:
        position = 0
        while position < len(text):
            position += self._step(text, position)
            self.last = text[position - 1]

    def _step(self, text: str, at: int) -> int:
        """Takes in one sign, or a few that belong together; gives their number."""
        sign, inside = text[at], self.inside
        if inside == "<":
            return self._in_body(sign)
        if inside == "'":
            return self._close_on(sign, "'")
        if inside == "#":
            if sign == "\n":
                self.stack.pop()
            else:
                return 1
        if sign == "\\":
            return min(2, len(text) - at)
        if sign == "\n" and self.bodies and not inside:
            self.stack.append("<")
            self.line = ""
            return 1
        return self._in_code(text, at)

    def _in_body(self, sign: str) -> int:
        if sign != "\n":
            self.line += sign
            return 1
        word, is_indented = self.bodies[0]
        if (self.line.lstrip("\t") if is_indented else self.line) == word:
            self.bodies.pop(0)
            if not self.bodies:
                self.stack.pop()
        self.line = ""
        return 1

    def _close_on(self, sign: str, closing: str) -> int:
        if sign == closing:
            self.stack.pop()
        return 1

    def _in_code(self, text: str, at: int) -> int:
        sign, inside = text[at], self.inside
        if text.startswith("$(", at):
            self.stack.append("(")
            return 2
        if sign in '"`':
            self._toggle(sign)
        elif inside in ('"', "`"):
            return 1
        elif sign == "'":
            self.stack.append("'")
        elif sign == "(":
            self.stack.append("(")
        elif sign == ")" and self.stack and self.stack[-1] == "(":
            self.stack.pop()
        elif sign == "#" and self.last in _COMMENT_MAY_START_AFTER:
            self.stack.append("#")
        elif found := _HEREDOC.match(text, at):
            self.bodies.append((found[2] or found[3] or found[4], bool(found[1])))
            return found.end() - at
        return 1

    def _toggle(self, sign: str) -> None:
        if self.inside == sign:
            self.stack.pop()
        else:
            self.stack.append(sign)
