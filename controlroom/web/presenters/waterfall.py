"""What a run's steps waited for and did, as spans of a waterfall: from their attempts and the log's history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controlroom.web.drawing.waterfall import (
    PAUSE,
    RUNNING,
    SLOT,
    WAITING,
    WORKER,
    IdleGap,
    WaterfallBar,
    WaterfallScale,
    WaterfallSpan,
    WaterfallTick,
    idle_gaps,
)
from pulser.engine.states import StepStatus
from runs.models import Attempt, Step
from runs.queries.run_snapshot import RunSnapshot

ROWS_MAX = 300
AT_ONCE_S = 0.05  # a step that is queued so soon after its run took a slot was released by that
WANTS_SLOT = {"run.queued", "run.resumed", "run.retried"}
LEAVES_QUEUE = {"run.started", "run.failed", "run.cancelled"}

Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class BarRow:
    step: Step
    bars: Sequence[WaterfallBar]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`left_out`: steps that have something to show and are not shown. `not_begun`: those that have nothing."""

    rows: Sequence[BarRow]
    ticks: Sequence[WaterfallTick]
    idle: Sequence[IdleGap]
    seconds: float
    left_out: int = 0
    not_begun: int = 0
    is_idle_open: bool = False
    has_idle: bool = False


def waterfall(moment: RunSnapshot, *, is_idle_open: bool = False) -> Waterfall:
    """The bars of the first `ROWS_MAX` steps that have any, in plan order."""
    history = _History.of(moment)
    drawn = [(step, list(_Spans(step, moment.attempts.get(step.key, ()), history))) for step in moment.steps]
    begun = [(step, spans) for step, spans in drawn if spans]
    shown = begun[:ROWS_MAX]
    every = [span for _, spans in begun for span in spans]
    if not every:
        return Waterfall((), (), (), 0.0, not_begun=len(drawn))
    start, end = min(span.start for span in every), max(span.end for span in every)
    gaps = idle_gaps(every, start=start, end=end)
    scale = WaterfallScale(start, end, folded=() if is_idle_open else gaps)
    return Waterfall(
        rows=[BarRow(step, [scale.bar(span) for span in spans]) for step, spans in shown],
        ticks=scale.ticks(),
        idle=scale.folds(),
        seconds=end - start,
        left_out=len(begun) - len(shown),
        not_begun=len(drawn) - len(begun),
        is_idle_open=is_idle_open,
        has_idle=bool(gaps),
    )


def slot_waits(moment: RunSnapshot) -> list[Stretch]:
    """When the run itself was queued for its lane; the last one may last until now."""
    waits, since = [], None
    for told in moment.told:
        if told.kind in WANTS_SLOT:
            since = told.at.timestamp()
        elif told.kind in LEAVES_QUEUE and since is not None:
            waits.append((since, told.at.timestamp()))
            since = None
    return [*waits, (since, moment.now.timestamp())] if since is not None else waits


@dataclass(frozen=True, slots=True)
class _History:
    """When the run was queued, when each step was suspended, and what time it is."""

    slots: Sequence[Stretch]
    suspended: Mapping[str, Sequence[float]]
    now: float

    @classmethod
    def of(cls, moment: RunSnapshot) -> _History:
        suspended: dict[str, list[float]] = {}
        for told in moment.told:
            if told.kind == "step.suspended":
                suspended.setdefault(told.step, []).append(told.at.timestamp())
        return cls(slot_waits(moment), suspended, moment.now.timestamp())


class _Spans:
    """The spans of one step, in order of time."""

    def __init__(self, step: Step, attempts: Sequence[Attempt], history: _History) -> None:
        self._step = step
        self._now = history.now
        self._attempts = attempts
        self._slots = history.slots
        self._suspended = history.suspended.get(step.key, ())

    def __iter__(self) -> Iterator[WaterfallSpan]:
        ended: float | None = None
        for attempt in self._attempts:
            began = self._wanted(attempt.queued_at or attempt.started_at)
            yield from self._between(ended, began, attempt)
            yield from self._waits(began, attempt.started_at.timestamp(), attempt.number)
            yield from self._work(attempt)
            ended = self._end(attempt)
        yield from self._rest(ended)

    def _end(self, attempt: Attempt) -> float:
        return attempt.finished_at.timestamp() if attempt.finished_at else self._now

    def _wanted(self, queued_at: datetime) -> float:
        """Since when it is waited for: the step was queued, or its run was, and the step with it."""
        queued = queued_at.timestamp()
        return next((since for since, until in self._slots if 0 <= queued - until <= AT_ONCE_S), queued)

    def _waits(self, since: float, until: float, number: int) -> Iterator[WaterfallSpan]:
        """For a slot as long as the run was queued, for a worker otherwise."""
        for begin, end in self._slots:
            if begin < until and end > since:
                if begin > since:
                    yield WaterfallSpan(WORKER, since, begin, attempt=number)
                yield WaterfallSpan(SLOT, max(begin, since), min(end, until), attempt=number)
                since = min(end, until)
        if until > since:
            yield WaterfallSpan(WORKER, since, until, attempt=number)

    def _work(self, attempt: Attempt) -> Iterator[WaterfallSpan]:
        start, end = attempt.started_at.timestamp(), self._end(attempt)
        left = next((at for at in self._suspended if start <= at <= end), None)
        status = attempt.outcome or StepStatus.RUNNING.value
        yield WaterfallSpan(RUNNING, start, end if left is None else left, status, attempt.number)
        if left is not None:
            yield WaterfallSpan(WAITING, left, end, status, attempt.number)

    def _between(self, ended: float | None, began: float, attempt: Attempt) -> Iterator[WaterfallSpan]:
        kind = {"retry": PAUSE, "approved": WAITING}.get(attempt.cause)
        if ended is not None and kind and began > ended:
            yield WaterfallSpan(kind, ended, began, attempt=attempt.number)

    def _rest(self, ended: float | None) -> Iterator[WaterfallSpan]:
        """What it waits for now, behind its last attempt."""
        status, number = self._step.status, len(self._attempts) + 1
        if status == StepStatus.QUEUED and self._step.queued_at:
            yield from self._waits(self._wanted(self._step.queued_at), self._now, number)
        elif status == StepStatus.BACKOFF and ended is not None:
            yield WaterfallSpan(PAUSE, ended, self._now, attempt=number)
        elif status == StepStatus.WAITING and ended is not None and self._attempts[-1].finished_at:
            yield WaterfallSpan(WAITING, ended, self._now, attempt=number)
