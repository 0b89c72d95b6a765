"""Plots of the health page: numbers become the geometry that `health/_plot.html` draws as SVG. No scripts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlroom.ops.health_data import Flow, FlowBucket
from controlroom.web.templatetags.times import length

WIDTH, HEIGHT = 340.0, 96.0  # of the plotted area, in SVG units
STATUSES = ("success", "error", "cancelled")
TIMES = 5  # labels below
ROUND_TIMES = (60, 120, 240, 600, 1200, 2400, 3600, 7200, 14400, 43200, 86400, 172800)  # seconds


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A labelled line of the grid, at `at` from the left or from the top."""

    at: float
    label: str
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlotBar:
    status: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A path with gaps where nothing was measured; `dots` are measurements without a neighbour."""

    name: str
    path: str
    dots: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True)
class PlotRow:
    """A bucket in words, for the table behind the plot."""

    when: datetime
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Plot:
    """`summary` is what the picture says, for those who do not see it."""

    title: str
    summary: str
    heads: Sequence[str]
    rows: Sequence[PlotRow]
    levels: Sequence[AxisTick]
    times: Sequence[AxisTick]
    bars: Sequence[PlotBar] = ()
    lines: Sequence[PlotLine] = ()
    is_empty: bool = False
    width: float = WIDTH
    height: float = HEIGHT


def throughput(flow: Flow) -> Plot:
    """Runs that ended in each bucket, stacked by status."""
    counts = [[getattr(bucket, status) for status in STATUSES] for bucket in flow.buckets]
    total = [sum(column) for column in zip(*counts, strict=True)] if counts else [0, 0, 0]
    top = _round_up(max(map(sum, counts), default=0))
    unit = length(flow.width_s, is_exact=False)
    return Plot(
        title=f"Runs ended, per {_unit(flow.width_s)}",
        summary=f"{sum(total)} runs ended: {total[0]} success, {total[1]} error, {total[2]} cancelled; "
        f"at most {max(map(sum, counts), default=0)} in {unit}.",
        heads=STATUSES,
        rows=_rows(flow, words=lambda bucket: [str(getattr(bucket, status)) for status in STATUSES]),
        levels=[AxisTick(HEIGHT, "0"), AxisTick(HEIGHT / 2, _number(top / 2)), AxisTick(0, _number(top))],
        times=_times(flow),
        bars=_bars(counts, top=top),
        is_empty=not sum(total),
    )


def latency(flow: Flow, *, field: str, title: str) -> Plot:
    """Median and 95th percentile of a length of time: `wait` or `took`."""
    pairs: list[tuple[float, float] | None] = [getattr(bucket, field) for bucket in flow.buckets]
    known = [pair for pair in pairs if pair]
    top = _round_up_time(max((pair[1] for pair in known), default=0.0))
    lines = [_line("median", [pair and pair[0] for pair in pairs], top=top)]
    lines.append(_line("95 %", [pair and pair[1] for pair in pairs], top=top))
    latest = next((pair for pair in reversed(pairs) if pair), None)
    said = f"latest: median {_length(latest[0])}, 95 % within {_length(latest[1])}." if latest else "no data."
    return Plot(
        title=title,
        summary=f"{title}, {said}",
        heads=("median", "95 %"),
        rows=_rows(flow, words=lambda bucket: _said(getattr(bucket, field))),
        levels=[AxisTick(HEIGHT, "0"), AxisTick(HEIGHT / 2, _length(top / 2)), AxisTick(0, _length(top))],
        times=_times(flow),
        lines=lines,
        is_empty=not known,
    )


def _said(pair: tuple[float, float] | None) -> list[str]:
    return [_length(pair[0]), _length(pair[1])] if pair else ["\N{EN DASH}"] * 2


def _length(seconds: float) -> str:
    return length(seconds) if seconds >= 0.9995 else f"{seconds * 1000:.0f} ms"


def _unit(seconds: int) -> str:
    return "minute" if seconds == 60 else f"{seconds // 60} minutes"


def _number(value: float) -> str:
    return f"{value:g}"


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 10, 20, 40 ... : half of it is round as well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 10) if step * power >= value * 0.999)


def _round_up_time(seconds: float) -> float:
    """The same for a length of time: beyond 40 s, whole minutes and hours are round."""
    if seconds <= 40:
        return _round_up(seconds)
    return next((top for top in ROUND_TIMES if top >= seconds), _round_up(seconds))


def _bars(counts: Sequence[Sequence[int]], *, top: float) -> list[PlotBar]:
    slot = WIDTH / max(1, len(counts))
    bars = []
    for index, column in enumerate(counts):
        y = HEIGHT
        for status, count in zip(STATUSES, column, strict=True):
            height = count / top * HEIGHT
            y -= height
            if count:
                bars.append(
                    PlotBar(status, round(index * slot + 0.5, 1), round(y, 1), round(slot - 1, 1), round(height, 1))
                )
    return bars


def _line(name: str, values: Sequence[float | None], *, top: float) -> PlotLine:
    slot = WIDTH / max(1, len(values))
    points = [
        None if value is None else (round((index + 0.5) * slot, 1), round(HEIGHT - value / top * HEIGHT, 1))
        for index, value in enumerate(values)
    ]
    path, pen = [], "M"
    for point in points:
        path += [f"{pen}{point[0]} {point[1]}"] if point else []
        pen = "L" if point else "M"
    around = [None, *points, None]
    dots = [p for i, p in enumerate(points, start=1) if p and around[i - 1] is None and around[i + 1] is None]
    return PlotLine(name, "".join(path), dots)


def _times(flow: Flow) -> list[AxisTick]:
    length_s = flow.width_s * len(flow.buckets)
    shares = [index / (TIMES - 1) for index in range(TIMES)]
    return [AxisTick(WIDTH * share, "", flow.start + timedelta(seconds=length_s * share)) for share in shares]


def _rows(flow: Flow, *, words: Callable[[FlowBucket], Sequence[str]]) -> list[PlotRow]:
    """Newest first, and only where something happened."""
    dated = [
        (flow.start + timedelta(seconds=flow.width_s * index), bucket) for index, bucket in enumerate(flow.buckets)
    ]
    return [PlotRow(when, words(bucket)) for when, bucket in reversed(dated) if bucket != FlowBucket()]
