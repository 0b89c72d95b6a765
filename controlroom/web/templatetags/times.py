"""Moments and lengths of time for people: exact on hover, and kept true in the browser by `static/js/time.js`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.models import Attempt

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86400
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"))
MOMENT = '<time data-zone="moment" datetime="{}">{}</time>'  # time.js writes it in the viewer's zone
CLOCK = '<time data-zone="clock" datetime="{}" title="{}">{}</time>'
MINUTE_OF_DAY = '<time data-zone="minute" datetime="{}" title="{}">{}</time>'
STILL = '<time datetime="{}" title="{}">{}</time>'
TICKING = '<time data-tick="{}" datetime="{}">{}</time>'  # time.js adds the exact moment under the pointer
DRAWN = '<tspan data-tick="since" data-at="{}">{}</tspan>'  # the same in a picture, which knows no <time>

_then: ContextVar[datetime | None] = ContextVar("then", default=None)


@contextmanager
def as_of(moment: datetime) -> Iterator[None]:
    """What is rendered within tells times as they were at that moment, and none of them ticks."""
    token = _then.set(moment)
    try:
        yield
    finally:
        _then.reset(token)


def _now() -> datetime:
    return _then.get() or timezone.now()


class HasTimes(NamedTuple):
    start: datetime | None
    finish: datetime | None


@register.simple_tag
def ago(when: datetime | None) -> str:
    """How long it is past: `3 min ago`."""
    return _ticking("age", when, age(_seconds(when, _now()))) if when else ""


@register.simple_tag
def until(when: datetime | None) -> str:
    """How long it takes yet: `in 12 s`, or `due`."""
    if when is None:
        return ""
    return _ticking("until", when, due(_seconds(_now(), when)))


@register.simple_tag
def lasted(start: datetime | None, finish: datetime | None) -> str:
    """The time between the two; it ticks while there is no finish."""
    if start is None:
        return ""
    if finish is None:
        return _ticking("since", start, length(_seconds(start, _now()), is_exact=False))
    return format_html('<span title="{} to {}">{}</span>', exact(start), exact(finish), length(_seconds(start, finish)))


@register.simple_tag
def lasting(start: datetime | None) -> str:
    """In the text of a picture: the time from a start until now, which ticks."""
    if start is None:
        return ""
    shown = length(_seconds(start, _now()), is_exact=False)
    return shown if _then.get() else format_html(DRAWN, iso(start), shown)


@register.simple_tag
def moment(when: datetime | None) -> str:
    """Date, time and zone; a dash when it has not come."""
    return format_html(MOMENT, iso(when), exact(when)) if when else "\N{EN DASH}"


@register.simple_tag
def clock(when: datetime | None) -> str:
    """The time of day; the date and the zone on hover."""
    if when is None:
        return ""
    shown = when.astimezone(UTC).strftime("%H:%M:%S")
    return format_html(CLOCK, iso(when), exact(when), shown)


@register.simple_tag
def minute(when: datetime) -> str:
    """The time of day without seconds, for scales."""
    return format_html(MINUTE_OF_DAY, iso(when), exact(when), when.astimezone(UTC).strftime("%H:%M"))


@register.simple_tag
def step_times(attempts: Iterable[Attempt]) -> HasTimes:
    """Of the last attempt: what lies between two of them, a pause or a night, is no work. A waterfall shows it."""
    tries = list(attempts)
    return HasTimes(tries[-1].started_at, tries[-1].finished_at) if tries else HasTimes(None, None)


def exact(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def length(seconds: float, *, is_exact: bool = True) -> str:
    """`4.2 s`, `42 s`, `3 m 07 s`, `2 h 05 m`, `3 d 4 h`. Tenths are left out of what ticks."""
    whole = int(seconds)
    if is_exact and seconds < 10:
        return f"{seconds:.1f} s".replace("10.0", "10")
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} m"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def age(seconds: float) -> str:
    """`just now`, `30 s ago`, `2 min ago`."""
    for size, word in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {word} ago"
    return "just now" if seconds < 10 else f"{int(seconds)} s ago"


def coarse(seconds: float) -> str:
    """`42 s`, `3 m`, `2 h`: one unit, where there is little room."""
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), (1, "s"))
    return f"{int(seconds // size)} {unit}"


def due(seconds: float) -> str:
    """`in 12 s`, or `due` when it is not in the future."""
    return f"in {length(seconds, is_exact=False)}" if seconds > 0 else "due"


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _ticking(kind: str, when: datetime, shown: str) -> SafeString:
    if _then.get():
        return format_html(STILL, iso(when), exact(when), shown)
    return format_html(TICKING, kind, iso(when), shown)


def iso(when: datetime) -> str:
    """To the second: nothing that is shown is finer, and a board has hundreds of them."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
