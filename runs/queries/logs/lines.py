"""A page of a log: some of its lines, each whole, with its number and its colours."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pulser.language import limits
from runs.models import LogChunk
from runs.queries.logs.ansi import AnsiState, StyledText
from runs.queries.logs.index import LogIndex, index_of
from runs.queries.logs.scope import LogScope

LINE_CHARS = 10_000  # shown of one line
HELD_CHARS = 4 * LINE_CHARS  # kept of a line that goes on: what was written over may be most of it
PAGE_CHARS = 256 * limits.KIB  # of a page; whoever wants more asks again
PIECE_COST = 32  # a piece in its own colour weighs as much as so many characters
PAGE_LINES = 200
LINES_MAX = 1_000  # that a page may have


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log, counted from 1 in its scope. `stream` is stderr where any part of it is."""

    number: int
    step: str
    attempt: int
    stream: str
    at: datetime
    pieces: tuple[StyledText, ...]
    is_cut: bool

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def cost(self) -> int:
        """How much of a page it takes, in characters."""
        return sum(len(piece.text) + PIECE_COST for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class LinePage:
    """Lines from number `first`, of `total`; `after` is the last chunk that was counted.

    `is_whole`: the log has no more than this now, as far as it is settled.
    """

    lines: list[LogLine]
    first: int
    total: int
    after: int
    is_whole: bool


@dataclass(slots=True)
class RawLine:
    """A line on its way: as it was written, from the chunk that it began in."""

    number: int
    chunk: LogChunk
    stream: str
    text: str = ""
    is_cut: bool = False

    def add(self, text: str) -> None:
        self.text += text
        if len(self.text) > HELD_CHARS:
            last = self.text.rstrip("\r").rfind("\r") + 1
            self.is_cut = len(self.text) - last > HELD_CHARS
            self.text = self.text[last:][:HELD_CHARS]


@dataclass(slots=True)
class LineAssembler:
    """Makes lines of chunks. Signs that are torn between two chunks of a stream are made whole again."""

    number: int
    open: RawLine | None = None
    voices: dict[int, AnsiState] = field(default_factory=dict)
    _decoders: dict[tuple[int, str], codecs.IncrementalDecoder] = field(default_factory=dict)

    def take(self, chunk: LogChunk) -> Iterator[RawLine]:
        """The lines that end in it, and the one that it ends by being another attempt's."""
        if self.open is not None and self.open.chunk.attempt_id != chunk.attempt_id:
            yield self.end()
        if chunk.attempt_id not in self.voices:
            self._recall(chunk)
        *whole, rest = bytes(chunk.data).split(b"\n")
        for part in whole:
            self._add(chunk, part, is_whole=True)
            yield self.end()
        if rest:
            self._add(chunk, rest, is_whole=False)

    def _add(self, chunk: LogChunk, part: bytes, *, is_whole: bool) -> None:
        if self.open is None:
            self.open = RawLine(self.number, chunk, chunk.stream)
        if chunk.stream == "stderr":
            self.open.stream = chunk.stream
        self.open.add(self._decoder(chunk).decode(part, is_whole))

    def end(self) -> RawLine:
        """The open line as it is. Raises AssertionError when there is none."""
        ended, self.open = self.open, None
        assert ended is not None
        self.number += 1
        return ended

    def _decoder(self, chunk: LogChunk) -> codecs.IncrementalDecoder:
        key = (chunk.attempt_id, chunk.stream)
        if key not in self._decoders:
            self._decoders[key] = codecs.getincrementaldecoder("utf-8")("replace")
        return self._decoders[key]

    def _recall(self, chunk: LogChunk) -> None:
        """What the attempt wrote just before: a colour may be on, or a sign begun. Further back nobody looks."""
        voice = self.voices[chunk.attempt_id] = AnsiState()
        if chunk.offset:
            before = LogChunk.objects.filter(attempt_id=chunk.attempt_id, offset__lt=chunk.offset)
            if (earlier := before.order_by("-offset").first()) is not None:
                voice.hear(self._decoder(earlier).decode(bytes(earlier.data)))


def read_page(scope: LogScope, *, first: int | None = None, count: int = PAGE_LINES) -> LinePage:
    """At most `count` lines from number `first`; the last ones when it is None. Fewer where they are long."""
    index = index_of(scope)
    total, count = index.total, min(count, LINES_MAX)
    start = max(1, total - count + 1 if first is None else min(first, total))
    lines = _fitting(_lines(index, start - 1), count, is_end=first is None) if count else []
    return LinePage(lines, lines[0].number if lines else start, total, index.last, index.is_whole)


def _fitting(lines: Iterator[LogLine], count: int, *, is_end: bool) -> list[LogLine]:
    """The first lines that are not too much together; of the end the last ones."""
    fitting: list[LogLine] = []
    room = PAGE_CHARS
    for line in lines:
        fitting.append(line)
        room -= line.cost
        if is_end:
            while room < 0 and len(fitting) > 1:
                room += fitting.pop(0).cost
        if (len(fitting) == count and not is_end) or room < 0:
            break
    return fitting


def _lines(index: LogIndex, start: int) -> Iterator[LogLine]:
    """The lines from there (from 0) to the end."""
    mark = index.before(start)
    if mark is None:
        return
    assembler = LineAssembler(mark.line)
    for chunk in _chunks(index, mark.pk, assembler):
        for raw in assembler.take(chunk):
            yield from _styled_line(assembler, raw, start)
    if assembler.open is not None:
        yield from _styled_line(assembler, assembler.end(), start)


def _chunks(index: LogIndex, pk: int, assembler: LineAssembler) -> Iterator[LogChunk]:
    """The chunks from there to where the index ends, but for the middle of a line that is longer than is shown."""
    while pk <= index.last:
        found, pk = index.read(pk)
        for chunk in found:
            yield chunk
            if assembler.open is not None and assembler.open.is_cut:
                further = index.latest_in(assembler.open.number)
                pk = max(chunk.pk + 1, further.pk if further else 0)
                break


def _styled_line(assembler: LineAssembler, raw: RawLine, start: int) -> Iterator[LogLine]:
    """The line, when it is one of those that were asked for; its colours count in any case."""
    voice, attempt = assembler.voices[raw.chunk.attempt_id], raw.chunk.attempt
    if raw.number < start:
        voice.hear(raw.text)
        return
    pieces, is_long = _cut(voice.say(raw.text))
    is_cut = raw.is_cut or is_long
    yield LogLine(raw.number + 1, attempt.step.key, attempt.number, raw.stream, raw.chunk.at, pieces, is_cut)


def _cut(pieces: tuple[StyledText, ...]) -> tuple[tuple[StyledText, ...], bool]:
    """The pieces as far as they are shown, and whether that is not all."""
    room = LINE_CHARS
    kept: list[StyledText] = []
    for piece in pieces:
        if len(piece.text) > room:
            return (*kept, piece._replace(text=piece.text[:room])), True
        kept.append(piece)
        room -= len(piece.text)
    return pieces, False
