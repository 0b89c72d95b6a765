"""Two runs of one plan, side by side: what went in, what came of each step, how long it took, and what it wrote."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulser.language.problems import path_text
from runs.models import Attempt, LogChunk, Run, Step

VALUES_SHOWN = 200  # that differ, of params or of one step's outputs
VALUE_CHARS = 400
LEAVES = 2_000  # that are looked at, of the outputs of one step
LOG_BYTES = 64 * 1024  # the tail of each
LOG_LINES = 300
LINE_CHARS = 400
SOURCE_LINES = 3_000
DIFF_LINES = 1_500
ABSENT = "not there"
MISSING = object()


@dataclass(frozen=True, slots=True)
class ValuePair:
    """A value on both sides, as text; of long ones the piece where they begin to differ."""

    name: str
    left: str
    right: str
    differs: bool


@dataclass(frozen=True, slots=True)
class StepPair:
    """A step on both sides; None where that run has no such step. Lengths are in seconds, None where it did not run."""

    key: str
    left: Step | None
    right: Step | None
    left_s: float | None
    right_s: float | None
    outputs: tuple[ValuePair, ...] = ()

    @property
    def differs(self) -> bool:
        """In what came of it; not in how long it took."""
        return bool(self.outputs) or self.ends_differently

    @property
    def ends_differently(self) -> bool:
        return _status(self.left) != _status(self.right)

    @property
    def sides(self) -> tuple[Step | None, Step | None]:
        return self.left, self.right

    @property
    def delta_s(self) -> float | None:
        return None if self.left_s is None or self.right_s is None else self.right_s - self.left_s


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff: `same`, `changed`, `removed`, `added`, or `gap` for lines that are left out."""

    tone: str
    left: str = ""
    right: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`first`: the first step that ends differently, else the first whose outputs differ; `log` is of that step."""

    left: Run
    right: Run
    params: tuple[ValuePair, ...]
    facts: tuple[ValuePair, ...]
    steps: tuple[StepPair, ...]
    first: StepPair | None
    log: tuple[DiffLine, ...] = ()
    source: tuple[DiffLine, ...] = field(default=())

    @property
    def input_differs(self) -> bool:
        return any(pair.differs for pair in (*self.facts, *self.params))

    @property
    def outputs(self) -> list[StepPair]:
        """The steps whose outputs differ."""
        return [step for step in self.steps if step.outputs]

    @property
    def longest_s(self) -> float:
        """Of all steps on either side; the scale of their bars."""
        return max([length for step in self.steps for length in (step.left_s, step.right_s) if length], default=0.0)


def compare_runs(left: Run, right: Run) -> Comparison:
    """Both runs are of one plan, read with their context."""
    steps = tuple(_steps(left, right))
    differing = [step for step in steps if step.differs]
    first = next((step for step in differing if step.ends_differently), differing[0] if differing else None)
    return Comparison(
        left=left,
        right=right,
        params=tuple(pairs(left.params, right.params, most=VALUES_SHOWN)),
        facts=tuple(_facts(left, right)),
        steps=steps,
        first=first,
        log=tuple(_log(left, right, first.key)) if first else (),
        source=tuple(_source(left, right)),
    )


def pairs(left: Any, right: Any, *, most: int) -> Iterator[ValuePair]:
    """The leaves of two values by their paths, in the order of the left one; no more than `most`."""
    ours, others = dict(_leaves(left)), dict(_leaves(right))
    for path in list(dict.fromkeys([*ours, *others]))[:most]:
        yield _pair(path_text(path), ours.get(path, MISSING), others.get(path, MISSING))


def _pair(name: str, left: Any, right: Any) -> ValuePair:
    texts = _text(left), _text(right)
    differs = _json(left) != _json(right)
    if differs and texts[0] == texts[1]:  # 1 and "1"
        texts = _json(left), _json(right)
    start = next((place for place, both in enumerate(zip(*texts, strict=False)) if both[0] != both[1]), 0)
    left_piece, right_piece = (_piece(text, around=start) for text in texts)
    return ValuePair(name, left_piece, right_piece, differs)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return ABSENT if value is MISSING else json.dumps(value, ensure_ascii=False)


def _piece(text: str, *, around: int) -> str:
    start = max(0, around - VALUE_CHARS // 4) if len(text) > VALUE_CHARS else 0
    rest = f"... ({len(text):,} characters)" if len(text) > start + VALUE_CHARS else ""
    return ("..." if start else "") + text[start : start + VALUE_CHARS] + rest


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    if isinstance(value, dict | list) and value:
        for key, part in inner:
            yield from _leaves(part, (*path, key))
    elif path or value:
        yield path, value


def _facts(left: Run, right: Run) -> Iterator[ValuePair]:
    names = ("environment", "trigger", "actor", "priority", "retry_count")
    yield _pair("version", left.plan_version.number, right.plan_version.number)
    yield _pair("lane", left.lane.name, right.lane.name)
    for name in names:
        yield _pair(name.replace("_", " "), getattr(left, name), getattr(right, name))


def _steps(left: Run, right: Run) -> Iterator[StepPair]:
    ours, others = _by_key(left), _by_key(right)
    lengths, other_lengths = _lengths(left), _lengths(right)
    for key in _in_order(list(ours), list(others)):
        one, other = ours.get(key), others.get(key)
        # Where one of them has none, its status says why.
        outputs = (
            pairs(one.outputs, other.outputs, most=LEAVES) if one and other and one.outputs and other.outputs else ()
        )
        differing = tuple(pair for pair in outputs if pair.differs)[:VALUES_SHOWN]
        yield StepPair(key, one, other, lengths.get(key), other_lengths.get(key), differing)


def _by_key(run: Run) -> dict[str, Step]:
    return {step.key: step for step in run.steps.in_plan_order()}


def _in_order(ours: Sequence[str], others: Sequence[str]) -> list[str]:
    """Plan order of the right one; what only the left one has stands behind the step before it."""
    order = list(others)
    for place, key in enumerate(ours):
        if key not in others:
            before = next((each for each in reversed(ours[:place]) if each in order), None)
            order.insert(order.index(before) + 1 if before else 0, key)
    return order


def _lengths(run: Run) -> dict[str, float]:
    """Seconds that the last attempt of each step took, as the run's page says it."""
    attempts = Attempt.objects.filter(step__run=run).order_by("number")
    rows = attempts.values_list("step__key", "started_at", "finished_at")
    last = {key: (start, finish) for key, start, finish in rows}
    return {key: (finish - start).total_seconds() for key, (start, finish) in last.items() if finish is not None}


def _status(step: Step | None) -> str:
    return step.status if step else ""


def _log(left: Run, right: Run, key: str) -> Iterator[DiffLine]:
    return side_by_side(log_tail(left, key), log_tail(right, key))


def log_tail(run: Run, key: str) -> list[str]:
    """The last lines that the step's latest attempt wrote."""
    attempt = Attempt.objects.filter(step__run=run, step__key=key).order_by("-number").first()
    pieces: list[bytes] = []
    room = LOG_BYTES
    for chunk in LogChunk.objects.filter(attempt=attempt).order_by("-offset").iterator(chunk_size=8) if attempt else ():
        pieces.append(bytes(chunk.data)[-room:])
        room -= len(pieces[-1])
        if room <= 0:
            break
    text = b"".join(reversed(pieces)).decode("utf-8", errors="replace")
    return [line if len(line) <= LINE_CHARS else line[:LINE_CHARS] + " ..." for line in text.split("\n")][-LOG_LINES:]


def side_by_side(left: Sequence[str], right: Sequence[str]) -> Iterator[DiffLine]:
    """Lines of both, those that belong together in one row."""
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        ours, others = left[start:end], right[other_start:other_end]
        for number in range(max(len(ours), len(others))):
            one = ours[number] if number < len(ours) else None
            other = others[number] if number < len(others) else None
            tone = "same" if tag == "equal" else "added" if one is None else "removed" if other is None else "changed"
            yield DiffLine(tone, one or "", other or "")


def _source(left: Run, right: Run) -> Iterator[DiffLine]:
    """How the documents of two versions differ, with some lines around; nothing for one version."""
    if left.plan_version_id == right.plan_version_id:
        return
    ours = left.plan_version.source.splitlines()[:SOURCE_LINES]
    others = right.plan_version.source.splitlines()[:SOURCE_LINES]
    tones = {"+": "added", "-": "removed", " ": "same", "@": "gap"}
    for number, line in enumerate(difflib.unified_diff(ours, others, lineterm="", n=3)):
        if number > DIFF_LINES:
            yield DiffLine("gap", "more differences")
            return
        if number > 1:  # the first two name the files
            yield DiffLine(tones[line[0]], line if line[0] == "@" else line[1:])
