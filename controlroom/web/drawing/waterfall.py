"""A waterfall: one row for each step, one bar for each attempt, in the shades of what it waited for. Pure.

Times are seconds since some beginning; what comes out are percents of the width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor

SLOT, WORKER, RUNNING, PAUSE, WAITING = "slot", "worker", "running", "pause", "waiting"

IDLE_SHARE = 0.12  # of the whole: a gap that is longer can be folded
IDLE_MIN_S = 20.0
FOLD_PERCENT = 5.0  # the width of a folded gap
FOLDS_MAX = 8
TICKS = 7
LABEL_PERCENT = 5.0  # about the width of a word on the axis
NICE = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)


@dataclass(frozen=True, slots=True)
class WaterfallSpan:
    """A stretch of an attempt. `status` is how a running one ended, or "running"."""

    kind: str
    start: float
    end: float
    status: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class WaterfallBar:
    """A span at its place, in percent of the width, and its length in seconds."""

    kind: str
    left: float
    width: float
    seconds: float
    status: str
    attempt: int

    @property
    def right(self) -> float:
        return round(self.left + self.width, 3)


@dataclass(frozen=True, slots=True)
class WaterfallTick:
    left: float
    seconds: float


@dataclass(frozen=True, slots=True)
class IdleGap:
    """A gap in which nothing ran. Folded, it is as wide as any other."""

    left: float
    width: float
    seconds: float

    @property
    def middle(self) -> float:
        return round(self.left + self.width / 2, 3)


class WaterfallScale:
    """From seconds to percents; folded gaps have one width however long they are."""

    def __init__(self, start: float, end: float, *, folded: Sequence[tuple[float, float]] = ()) -> None:
        self.start, self.end, self.folded = start, max(end, start + 0.001), list(folded)
        self._whole = self.end - self.start - sum(stop - begin for begin, stop in self.folded)
        self._share = (100.0 - FOLD_PERCENT * len(self.folded)) / max(self._whole, 0.001)

    def at(self, moment: float) -> float:
        """The percent of a moment; those outside are taken for the ends."""
        moment = min(max(moment, self.start), self.end)
        percent, since = 0.0, self.start
        for begin, stop in self.folded:
            if moment <= begin:
                break
            percent += (begin - since) * self._share + FOLD_PERCENT * min(1.0, (moment - begin) / (stop - begin))
            since = min(stop, moment)
        return percent + (moment - since) * self._share

    def bar(self, span: WaterfallSpan) -> WaterfallBar:
        left = self.at(span.start)
        width = self.at(span.end) - left
        return WaterfallBar(
            span.kind, round(left, 3), round(width, 3), span.end - span.start, span.status, span.attempt
        )

    def ticks(self) -> list[WaterfallTick]:
        """At round times since the start, none of them within a fold."""
        step = next((nice for nice in NICE if self._whole / nice <= TICKS), self._whole / TICKS)
        found: list[WaterfallTick] = []
        for begin, stop in self._shown():
            for number in range(ceil(begin / step), floor(stop / step) + 1):
                left = self.at(self.start + number * step)
                if left <= 97 and self._is_clear(left) and (not found or left - found[-1].left >= 100 / TICKS / 2):
                    found.append(WaterfallTick(round(left, 3), number * step))
        return found

    def _is_clear(self, left: float) -> bool:
        """Beside a fold stands how long it is."""
        return all(abs(left + LABEL_PERCENT / 2 - fold.middle) > LABEL_PERCENT for fold in self.folds())

    def _shown(self) -> list[tuple[float, float]]:
        """What lies between the folds, in seconds since the start."""
        begins = [self.start, *(stop for _, stop in self.folded)]
        ends = [*(begin for begin, _ in self.folded), self.end]
        return [(begin - self.start, end - self.start) for begin, end in zip(begins, ends, strict=True)]

    def folds(self) -> list[IdleGap]:
        return [IdleGap(round(self.at(begin), 3), FOLD_PERCENT, stop - begin) for begin, stop in self.folded]


def idle_gaps(spans: Iterable[WaterfallSpan], *, start: float, end: float) -> list[tuple[float, float]]:
    """The long gaps in which nothing ran, in order: each a good share of the whole."""
    least = max((end - start) * IDLE_SHARE, IDLE_MIN_S)
    gaps, busy_until = [], start
    for span in sorted((one for one in spans if one.kind == RUNNING), key=lambda one: one.start):
        if span.start - busy_until >= least:
            gaps.append((busy_until, span.start))
        busy_until = max(busy_until, span.end)
    if end - busy_until >= least:
        gaps.append((busy_until, end))
    return sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:FOLDS_MAX])
