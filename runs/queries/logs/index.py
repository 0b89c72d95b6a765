"""Where the lines of a log begin. Chunks say how many lines end in them, so that no output is read to know it.

A line ends with its newline, or where another attempt speaks. Output is only ever added, so a line keeps its number.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from django.db.models.functions import Length

from pulser.language import limits
from runs.models import LogChunk
from runs.queries.logs.scope import LogScope

MARK_BYTES = 64 * limits.KIB  # of output from one mark to the next, about
CHUNK_COST = 64  # a chunk takes as long as so many bytes, be it ever so small
CHUNKS_READ = 500  # at most, at once
ROWS_READ = 10_000  # chunks counted in one statement
DATA_READ = 50  # chunks whose output is read at once
COUNTING_S = 2.0  # for a log that nobody counted yet; whoever asks again goes on from there
KEPT = 64  # logs
SHOWN = ("attempt", "offset", "stream", "data", "at", "attempt__number", "attempt__step__key")  # a step may be large

_kept: OrderedDict[LogScope, LogIndex] = OrderedDict()
_keeping = threading.Lock()


class IndexMark(NamedTuple):
    """A chunk, the line (from 0) that it begins in, and whether that line began before it."""

    pk: int
    line: int
    joins: bool

    @property
    def place(self) -> tuple[int, bool]:
        return self.line, self.joins


class LogIndex:
    """Marks of a log, some of its chunks, up to chunk `last`. `is_whole`: there is no more to be counted now."""

    def __init__(self, scope: LogScope) -> None:
        self.scope = scope
        self.marks: list[IndexMark] = []
        self.last = 0
        self.is_whole = False
        self._line = 0
        self._open: int | None = None  # the attempt whose line goes on
        self._unmarked = MARK_BYTES
        self._growing = threading.Lock()

    @property
    def total(self) -> int:
        """Lines so far; the last one may still go on."""
        return self._line + (self._open is not None)

    def before(self, line: int) -> IndexMark | None:
        """From where to read so that this line comes whole; None when the log is empty."""
        found = bisect_right(self.marks, (line, False), key=lambda mark: mark.place)
        return self.marks[found - 1] if found else None

    def latest_in(self, line: int) -> IndexMark | None:
        """The last mark in that line or before it: a line may be as long as a log."""
        found = bisect_right(self.marks, (line, True), key=lambda mark: mark.place)
        return self.marks[found - 1] if found else None

    def of_chunk(self, pk: int) -> IndexMark | None:
        """The last mark at that chunk or before it."""
        found = bisect_right(self.marks, pk, key=lambda mark: mark.pk)
        return self.marks[found - 1] if found else None

    def read(self, pk: int, *, marks: int = 4) -> tuple[list[LogChunk], int]:
        """Some chunks from that one on, about so many marks far, and from which one to read on."""
        further = bisect_right(self.marks, pk, key=lambda mark: mark.pk) + marks - 1
        reach = self.marks[further].pk - 1 if further < len(self.marks) else self.last
        chunks = self.scope.chunks().filter(pk__gte=pk, pk__lte=reach).select_related("attempt__step").only(*SHOWN)
        found = list(chunks[:CHUNKS_READ])
        return found, found[-1].pk + 1 if len(found) == CHUNKS_READ else reach + 1

    def grow(self) -> None:
        """Take what has come since."""
        with self._growing:
            deadline = time.monotonic() + COUNTING_S
            self.is_whole = False
            while time.monotonic() < deadline and not self.is_whole:
                self._read(deadline)

    def _read(self, deadline: float) -> None:
        new = self.scope.chunks().filter(pk__gt=self.last).annotate(size=Length("data"))
        rows = list(new.values_list("pk", "attempt_id", "lines", "is_open", "size", "settled")[:ROWS_READ])
        counted = _count([row[0] for row in rows if row[2] is None], deadline=deadline)
        for pk, attempt, lines, is_open, size, is_settled in rows:
            ends = counted.get(pk) if lines is None else (lines, bool(is_open))
            if ends is None or not is_settled:
                self.is_whole = not is_settled
                return
            self._take(pk, attempt, size=size, ends=ends)
        self.is_whole = len(rows) < ROWS_READ

    def _take(self, pk: int, attempt: int, *, size: int, ends: tuple[int, bool]) -> None:
        lines, is_open = ends
        if self._open not in (None, attempt):
            self._line += 1
            self._open = None
        if self._unmarked >= MARK_BYTES:
            self.marks.append(IndexMark(pk, self._line, self._open is not None))
            self._unmarked = 0
        self._unmarked += max(size, CHUNK_COST)
        self._line += lines
        self._open = attempt if is_open else None
        self.last = pk


def _count(pks: Sequence[int], *, deadline: float) -> dict[int, tuple[int, bool]]:
    """Count chunks of earlier workers, and note it on them. The rest, when time is up, stays uncounted."""
    counted: dict[int, tuple[int, bool]] = {}
    for start in range(0, len(pks), DATA_READ):
        if start and time.monotonic() > deadline:
            break
        chunks = list(LogChunk.objects.filter(pk__in=pks[start : start + DATA_READ]).only("data"))
        for chunk in chunks:
            chunk.lines, chunk.is_open = counted[chunk.pk] = LogChunk.count(bytes(chunk.data))
        LogChunk.objects.bulk_update(chunks, ["lines", "is_open"])
    return counted


def index_of(scope: LogScope) -> LogIndex:
    """The index of that log as of now. The process keeps those that were asked for last."""
    with _keeping:
        index = _kept.setdefault(scope, LogIndex(scope))
        _kept.move_to_end(scope)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    index.grow()
    return index
