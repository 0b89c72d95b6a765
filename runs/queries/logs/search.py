"""Search in a whole log: chunk by chunk, in bounded time, never all of it in memory."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pulser.engine.states import StepStatus
from runs.models import Attempt, LogChunk
from runs.queries.logs.ansi import plain, plain_block
from runs.queries.logs.index import LogIndex, index_of
from runs.queries.logs.scope import LogScope

QUERY_CHARS = 200
MATCHES_MAX = 1_000
SNIPPET_CHARS = 120
SEARCH_S = 8.0
MARKS_READ = 16  # as far output is read at once: about a megabyte
TAIL_CHARS = 10_000  # of a line that goes on beyond its chunk

# Words that programs say of what went wrong; but not how many times it did not. A line has one of the parts, or none.
PARTS = ("error", "exception", "traceback", "fail", "fatal", "panic")
WRONG = re.compile(
    r"(?<!\b0 )(?<!\bno )(?<!\bwithout )(?:\b\w*(?:error|exception)s?\b|\b(?:traceback|failed|failure|fatal|panic)\b)"
    r"(?![:=]\s*0\b)",
    re.IGNORECASE,
)


class MatchingLine(NamedTuple):
    """A line that matches, counted from 1, and the part of it around the match."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """`is_capped`: there are more matches. `stopped_at`: the line up to which there was time to look, else None.

    `of`: the part of the log that was looked at, in words, where it was not the whole.
    """

    matches: list[MatchingLine]
    is_capped: bool = False
    stopped_at: int | None = None
    of: str = ""


class LineBlock(NamedTuple):
    """Lines of one chunk, the first of them counted from 0; what a chunk leaves open comes with the next."""

    line: int
    attempt: int
    stream: str
    text: str


def search(scope: LogScope, query: str) -> SearchResult:
    """The lines that have these signs, however they are capitalised, as far as there is time."""
    wanted = query[:QUERY_CHARS].lower()
    matches: list[MatchingLine] = []
    deadline = time.monotonic() + SEARCH_S
    for block in _blocks(index_of(scope)) if wanted else ():
        for match in _in_block(block, wanted):
            if not matches or match.line > matches[-1].line:
                matches.append(match)
            if len(matches) > MATCHES_MAX:
                return SearchResult(matches[:MATCHES_MAX], is_capped=True)
        if time.monotonic() > deadline:
            return SearchResult(matches, stopped_at=block.line + block.text.count("\n") + 1)
    return SearchResult(matches)


def _in_block(block: LineBlock, wanted: str) -> Iterator[MatchingLine]:
    """Most chunks do not have it: their text is looked at as a whole, and only then line by line."""
    text = plain_block(block.text).lower()
    if wanted not in text:
        return
    for number, line in enumerate(block.text.split("\n"), start=block.line + 1):
        shown = plain(line)
        if (place := shown.lower().find(wanted)) >= 0:
            yield MatchingLine(number, _snippet(shown, place))


def _snippet(line: str, place: int) -> str:
    start = max(0, place - SNIPPET_CHARS // 3)
    return line[start : start + SNIPPET_CHARS].strip()


def first_error(scope: LogScope) -> SearchResult:
    """Where to look first, one line or none: of the attempt that failed, what it said of it on stderr, else the first
    line there, else what it said of it elsewhere. Where nothing failed, the first line that speaks of an error.
    """
    failed = _failed(scope)
    of = _other_failures_note(failed) if failed and scope.attempt is None else ""
    index = index_of(scope)
    start = _first_chunk(index, failed)
    on_stderr = elsewhere = stopped_at = None
    deadline = time.monotonic() + SEARCH_S
    for block in _blocks(index, start=start):
        if time.monotonic() > deadline:
            stopped_at = block.line + 1
            break
        if failed is not None and block.attempt != failed.pk:
            continue
        said = _first_wrong(block)
        if said is not None and (block.stream == "stderr" or failed is None):
            return SearchResult([said], of=of)
        if failed is not None and block.stream == "stderr":
            on_stderr = on_stderr or _first_line(block)
        elsewhere = elsewhere or said
    best = on_stderr or elsewhere
    return SearchResult([best] if best else [], stopped_at=stopped_at, of=of)


def _failed(scope: LogScope) -> Attempt | None:
    """The last attempt of the step that failed first; where no step did, the first attempt that failed."""
    attempts = scope.attempts().filter(outcome__in=("error", "lost")).order_by("finished_at", "pk")
    attempts = attempts if scope.until is None else attempts.filter(finished_at__lte=scope.until)
    attempts = attempts.select_related("step")
    first = attempts.filter(step__status=StepStatus.ERROR).first()
    return attempts.first() if first is None else attempts.filter(step=first.step_id).last()


def _other_failures_note(failed: Attempt) -> str:
    """Said where there were others: a line of them may speak of an error before."""
    if failed.number == 1:
        return ""
    which = "the last attempt" if failed.step.status == StepStatus.ERROR else f"attempt {failed.number}"
    return f"{which} of {failed.step.key}"


def _first_chunk(index: LogIndex, attempt: Attempt | None) -> int:
    """The first chunk of the attempt, the first of all when there is none."""
    pk = None if attempt is None else LogChunk.objects.filter(attempt=attempt).order_by("offset").values("pk").first()
    return 0 if pk is None else pk["pk"]


def _first_wrong(block: LineBlock) -> MatchingLine | None:
    text = plain_block(block.text).lower()
    if not any(part in text for part in PARTS):
        return None
    lines = enumerate(map(plain, block.text.split("\n")), start=block.line + 1)
    return next((MatchingLine(number, _snippet(line, 0)) for number, line in lines if WRONG.search(line)), None)


def _first_line(block: LineBlock) -> MatchingLine | None:
    lines = enumerate(map(plain, block.text.split("\n")), start=block.line + 1)
    return next((MatchingLine(number, _snippet(line, 0)) for number, line in lines if line.strip()), None)


def _blocks(index: LogIndex, *, start: int = 0) -> Iterator[LineBlock]:
    """All lines from that chunk on, or from a little before it."""
    mark = index.of_chunk(start) or index.before(0)
    if mark is None:
        return
    line, rest, last = mark.line, "", None
    for chunk in _chunks(index, mark.pk):
        if rest and last is not None and last[0] != chunk.attempt_id:
            yield LineBlock(line, *last, rest)
            line, rest = line + 1, ""
        last = (chunk.attempt_id, chunk.stream)
        text = rest + chunk.text
        whole, newline, rest = text.rpartition("\n")
        if newline:
            yield LineBlock(line, *last, whole)
            line += whole.count("\n") + 1
        if len(rest) > TAIL_CHARS:
            yield LineBlock(line, *last, rest)
            rest = rest[-QUERY_CHARS:]
    if rest and last is not None:
        yield LineBlock(line, *last, rest)


def _chunks(index: LogIndex, pk: int) -> Iterator[LogChunk]:
    """The chunks from there to where the index ends."""
    while pk <= index.last:
        found, pk = index.read(pk, marks=MARKS_READ)
        yield from found
