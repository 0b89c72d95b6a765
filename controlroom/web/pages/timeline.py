"""The timeline: each lane a band of bars over the last hours, drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlroom.web.drawing.timeline import (
    TimelineBar,
    TimelineTick,
    TimelineWindow,
    pack_bars,
    rows_of,
    timeline_ticks,
)
from controlroom.web.pages.board_query import RANGES, BoardQuery
from controlroom.web.templatetags.times import length
from runs.accounts.actors import Actor
from runs.models import Lane
from runs.queries.lists.board import TimelineRun, read_timeline

EVERY: Mapping[str, timedelta] = {"1h": timedelta(minutes=10), "6h": timedelta(hours=1), "24h": timedelta(hours=3)}
PITCH = 24  # pixels from row to row; a bar is a target
BAR = 20  # of them, as in timeline.css
PADDING = 4
LABELLED = 5.0  # percent of the width from which a bar has room for its title
LABEL_CHARS = 60
BAR_SVG = (
    '<a id="bar-{id}" href="{href}" class="bar-run" data-status="{status}" data-item><title>{said}</title>{parts}</a>'
)
# Heights and corners stand in the style sheet: there are hundreds of bars.
WAITED = '<rect class="bar-waited" x="{}%" y="{}" width="{}%"/>'
WORKED = '<rect class="bar-worked" x="{}%" y="{}" width="{}%"/>'
CAP = '<rect class="bar-cap" x="{}%" y="{}"/>'
LABEL = (
    '<svg x="{}%" y="{}" width="{}%" height="{}"><use href="#glyph-{}" x="7" y="4" width="12" height="12"/>'
    '<text x="24" y="14">{}</text></svg>'
)


@dataclass(frozen=True, slots=True)
class Band:
    """A lane: its drawing with its height in pixels, and what is not in it."""

    lane: Lane
    svg: SafeString
    height: int
    runs: int
    left_out: int
    is_cut: bool


def timeline_context(actor: Actor, asked: BoardQuery, *, lanes: Iterable[Lane]) -> dict[str, Any]:
    """What `runs/_timeline.html` shows."""
    now = timezone.now()
    window = TimelineWindow(now - RANGES[asked.range], now)
    found = read_timeline(actor, asked.filters, since=window.since, until=now)
    by_lane: dict[int, list[TimelineRun]] = {}
    for bar in found.bars:
        by_lane.setdefault(bar.lane, []).append(bar)
    grid = timeline_ticks(window, every=EVERY[asked.range])
    bands = [
        _band(lane, by_lane.get(lane.pk, []), window=window, grid=grid, is_cut=lane.pk in found.cut) for lane in lanes
    ]
    return {"bands": bands, "ticks": grid, "now": window.x(now), "has_bars": bool(found.bars)}


def _band(
    lane: Lane, runs: list[TimelineRun], *, window: TimelineWindow, grid: list[TimelineTick], is_cut: bool
) -> Band:
    bars, left_out = pack_bars(runs, window)
    height = rows_of(bars) * PITCH + 2 * PADDING
    svg = format_html("{}{}{}", _lines(grid), _now_line(window), _drawn(bars, window))
    return Band(lane, svg, height, len(bars), left_out, is_cut)


def _lines(grid: Iterable[TimelineTick]) -> SafeString:
    return format_html_join("", '<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>', ((one.x,) for one in grid))


def _now_line(window: TimelineWindow) -> SafeString:
    return format_html('<line class="now" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>', window.x(window.now))


def _drawn(bars: Iterable[TimelineBar[TimelineRun]], window: TimelineWindow) -> SafeString:
    """Links with a title each. One address is made, and the others from it: it is the same but for the id."""
    pattern = reverse("run", args=[UUID(int=0)])
    rows = (
        {
            "id": bar.run.id,
            "href": pattern.replace(str(UUID(int=0)), str(bar.run.id)),
            "status": bar.run.status,
            "said": _bar_title(bar.run, window),
            "parts": _parts(bar),
        }
        for bar in bars
    )
    return format_html_join("", BAR_SVG, rows)


def _parts(bar: TimelineBar[TimelineRun]) -> SafeString:
    y = PADDING + bar.row * PITCH + (PITCH - BAR) // 2
    worked_x = round(bar.x + bar.waited, 3)
    drawn = [
        format_html(WAITED, bar.x, y, round(bar.waited, 3)) if bar.waited else "",
        format_html(WORKED, worked_x, y, round(bar.worked, 3)) if bar.worked else "",
        format_html(CAP, worked_x, y) if bar.worked else "",
        _label(bar, y=y) if max(bar.worked, bar.waited) >= LABELLED else "",
    ]
    return format_html_join("", "{}", ((part,) for part in drawn))


def _label(bar: TimelineBar[TimelineRun], *, y: int) -> SafeString:
    """On the part where there is room to read it."""
    is_worked = bar.worked >= LABELLED
    x, width = (bar.x + bar.waited, bar.worked) if is_worked else (bar.x, bar.waited)
    title = bar.run.title[:LABEL_CHARS]
    return format_html(LABEL, round(x, 3), y, round(width, 3), BAR, bar.run.status, title)


def _bar_title(run: TimelineRun, window: TimelineWindow) -> str:
    """The whole of it in words, for the pointer and for who does not see it."""
    started = run.started_at
    worked_s = ((run.finished_at or window.now) - started).total_seconds() - run.rested_s if started else 0.0
    took = f", {length(max(0.0, worked_s))}" if started else ""
    waited = (started or window.now) - run.queued_at
    queued = f", queued {length(waited.total_seconds())}" if waited > timedelta(seconds=1) else ""
    return f"{run.title or 'A run'}: {run.status}{took}{queued}"
