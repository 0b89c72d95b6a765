"""What only the board shows: tick boxes, slots of a lane, and how far a run is against what is expected of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar
from zlib import crc32

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlroom.web.templatetags.runs import glyph, ribbon
from controlroom.web.templatetags.times import coarse, iso, lasted, length
from pulser.engine.states import StepStatus
from runs.bulk.undo import can_undo
from runs.models import Lane, Run, Step

register = template.Library()

DOTS_MAX = 12  # slots that are drawn; more are told as numbers alone
TICK = (
    '<span class="card-mark">{}<input class="tick for-operators" type="checkbox" name="run" value="{}"'
    ' aria-label="Select {}"></span>'
)
RIBBON = '<div class="ribbon" role="img" aria-label="{0}" title="{0}">{1}</div>'
SLOTS = (
    '<span class="slots" title="{used} of {limit} slots in use"{full}>{dots}<span><b>{used}</b>/{limit}</span></span>'
)
PACE = (
    '<span class="pace" title="{said}"{over}><progress max="{max}" value="{value}" data-progress-start="{start}"'
    ' data-progress-s="{max}" aria-label="{said}"></progress><span>{short}</span></span>'
)


OVER = "longer than usual"
WAITED = '<time data-tick="coarse" datetime="{}">{}</time>'


class WithProgress(Protocol):
    @property
    def status(self) -> str: ...
    @property
    def progress_total(self) -> int | None: ...


P = TypeVar("P", bound=WithProgress)


@register.simple_tag
def tick(run: Run) -> SafeString:
    """The status, and in its place under the pointer a box to tick the run."""
    return format_html(TICK, glyph(run.status), run.pk, run.title or run.short_id)


@register.filter
def undoable(run: Run, children: Iterable[Run]) -> bool:
    """Whether it is bulk work that can be undone; `children`: the runs that it led to."""
    return can_undo(run, children)


@register.simple_tag
def card_ribbon(steps: Iterable[Step]) -> SafeString:
    """The ribbon with its summary alone: a board has hundreds of segments."""
    shown = ribbon(steps)
    segments = format_html_join("", '<i data-status="{}"></i>', ((one.status,) for one in shown["segments"]))
    return format_html(RIBBON, shown["label"], segments)


@register.simple_tag
def took(run: Run) -> str:
    """How long it ran, or has run until now."""
    if run.counted_from is None or run.finished_at is None:
        return lasted(run.counted_from, None)
    return length(max(0.0, (run.finished_at - run.counted_from).total_seconds()))


@register.simple_tag
def slots(used: int, limit: int) -> SafeString:
    """A dot for each slot of a lane, and the numbers."""
    drawn = limit if limit <= DOTS_MAX else 0
    dots = SafeString('<i class="held"></i>' * min(used, drawn) + "<i></i>" * max(0, drawn - used))
    return format_html(SLOTS, used=used, limit=limit, dots=dots, full=SafeString(" data-full" if used >= limit else ""))


@register.simple_tag
def pause_id(lane: Lane) -> str:
    """The same while the pause is told in the same words: who opened them keeps them open when heads are renewed."""
    told = f"{lane.paused_at} {lane.paused_by} {lane.paused_reason}"
    return f"paused-{lane.pk}-{crc32(told.encode())}"


@register.simple_tag
def waited(since: datetime) -> SafeString:
    """How long something waits, in one unit."""
    return format_html(WAITED, iso(since), coarse(max(0.0, (timezone.now() - since).total_seconds())))


@register.simple_tag
def step_progress(steps: Iterable[P]) -> P | None:
    """The first step under work that says how far it is."""
    return next((one for one in steps if one.status == StepStatus.RUNNING and one.progress_total is not None), None)


@register.simple_tag
def pace(run: Run, expected_s: float | None) -> str:
    """A bar from the run's start to when it is expected to end; nothing without a history. `time.js` moves it on."""
    if not expected_s or run.counted_from is None:
        return ""
    past = max(0.0, (timezone.now() - run.counted_from).total_seconds())
    expected_s = round(expected_s, 1)  # the browser gets no more of it, and says the same
    return format_html(
        PACE,
        max=expected_s,
        value=round(min(past, expected_s), 1),
        start=iso(run.counted_from),
        said=pace_words(past, expected_s),
        over=SafeString(" data-over" if past > expected_s else ""),
        short=pace_left(past, expected_s),
    )


def pace_words(past: float, expected_s: float) -> str:
    """For the bar's title, which `time.js` renews."""
    usual = f"usually takes {length(expected_s, is_exact=False)}"
    return f"running {OVER}: {usual}" if past > expected_s else f"about {pace_left(past, expected_s)}: {usual}"


def pace_left(past: float, expected_s: float) -> str:
    """Beside the bar."""
    return OVER if past > expected_s else f"{length(expected_s - past, is_exact=False)} left"
