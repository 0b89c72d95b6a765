"""The timeline: runs become bars, on as few rows as let none overlap. Pure; lengths are percent of the width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

ROWS_MAX = 24  # of one band
BAR_MIN = 0.5  # so that a run of a moment can be seen and hit
GAP = 0.15  # between two bars of a row
AHEAD = 0.02  # of the range, behind the line that is now


class RunTimes(Protocol):
    """A run, as far as time is concerned."""

    @property
    def queued_at(self) -> datetime: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def finished_at(self) -> datetime | None: ...


S = TypeVar("S", bound=RunTimes)


@dataclass(frozen=True, slots=True)
class TimelineBar(Generic[S]):
    """A bar: from `x` it waited for `waited`, then it was worked on for `worked`. Rows are numbered from 0."""

    run: S
    row: int
    x: float
    waited: float
    worked: float

    @property
    def width(self) -> float:
        return self.waited + self.worked


@dataclass(frozen=True, slots=True)
class TimelineTick:
    """A line of the grid."""

    x: float
    at: datetime


@dataclass(frozen=True, slots=True)
class TimelineWindow:
    """What a timeline shows: from `since` until a little after `now`."""

    since: datetime
    now: datetime

    @property
    def until(self) -> datetime:
        return self.now + (self.now - self.since) * AHEAD

    def x(self, moment: datetime) -> float:
        """Where a moment lies, in percent, kept inside."""
        share = (moment - self.since) / (self.until - self.since)
        return round(min(1.0, max(0.0, share)) * 100, 3)


def pack_bars(
    runs: Iterable[S], window: TimelineWindow, *, rows_max: int = ROWS_MAX
) -> tuple[list[TimelineBar[S]], int]:
    """The bars, each on the first row that is free, and how many runs found none. By start, the earliest first."""
    ends: list[float] = []
    bars: list[TimelineBar[S]] = []
    left_out = 0
    for run in sorted(runs, key=_begin):
        row = next((number for number, end in enumerate(ends) if end <= window.x(_begin(run))), len(ends))
        if row >= rows_max:
            left_out += 1
            continue
        bar = _bar(run, window, row=row)
        ends[row : row + 1] = [bar.x + bar.width + GAP]
        bars.append(bar)
    return bars, left_out


def _begin(run: RunTimes) -> datetime:
    """A run that was retried queued again later than it started."""
    return min(run.queued_at, run.started_at or run.queued_at)


def _bar(run: S, window: TimelineWindow, *, row: int) -> TimelineBar[S]:
    end = run.finished_at or window.now
    x = min(window.x(_begin(run)), 100 - BAR_MIN)
    worked_from = window.x(run.started_at) if run.started_at else window.x(end)
    waited = max(0.0, worked_from - x)
    worked = max(0.0, window.x(end) - max(worked_from, x))
    if waited + worked < BAR_MIN:
        waited, worked = (0.0, BAR_MIN) if run.started_at else (BAR_MIN, 0.0)
    return TimelineBar(run, row, x, waited, worked)


def timeline_ticks(window: TimelineWindow, *, every: timedelta) -> list[TimelineTick]:
    """The round moments of the window: every ten minutes at :00, :10, :20 and so on."""
    step = every.total_seconds()
    first = -(-window.since.timestamp() // step) * step
    count = int((window.until.timestamp() - first) // step) + 1
    moments = (datetime.fromtimestamp(first + number * step, UTC) for number in range(count))
    return [TimelineTick(window.x(moment), moment) for moment in moments]


def rows_of(bars: Sequence[TimelineBar[S]]) -> int:
    """How many rows they take, one at least."""
    return max((bar.row for bar in bars), default=0) + 1
