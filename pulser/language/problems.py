"""What is wrong with a document, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right. Line and column count from 1; the path is empty for the document as a whole."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.path}{': ' if self.path else ''}{self.message}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def path_text(path: Iterable[str | int]) -> str:
    """`steps[2].with.url`; a key that is no plain word stands in brackets: `headers["Content-Type 2"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            shown = part if len(part) <= 60 else part[:60] + "..."
            text += '["' + shown.encode("unicode_escape").decode() + '"]'
    return text
