"""The outside ledger: a file to which every tool call adds a line when it begins and when it ends.

A line is one `write` to a file opened for appending, so lines never mix, and their order in the file is the order in
which they were written, whatever the clocks say: `RUN/STEP<TAB>begin|end<TAB>PID<TAB>TIME`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "begin", "end"


@dataclass(frozen=True, slots=True)
class Line:
    """`place` is its number in the file."""

    place: int
    run: str
    step: str
    word: str
    pid: int


def note(path: str, *, key: str, word: str) -> None:
    """Add a line. `key` is `RUN/STEP`, which is also the idempotency key that tools are handed."""
    text = f"{key}\t{word}\t{os.getpid()}\t{time.time():.3f}\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def parse(lines: Iterable[str]) -> list[Line]:
    """Raises ValueError for a line that is none: then the ledger itself cannot be trusted."""
    return [_line(place, text) for place, text in enumerate(lines)]


def _line(place: int, text: str) -> Line:
    key, word, pid, _time = text.split("\t")
    run, _, step = key.partition("/")
    if word not in (BEGIN, END) or not step:
        raise ValueError(f"line {place} of the ledger: {text!r}")
    return Line(place, run, step, word, int(pid))


def read(path: Path) -> list[Line]:
    """All lines there are; none when nothing was called yet."""
    return parse(path.read_text().splitlines()) if path.exists() else []
