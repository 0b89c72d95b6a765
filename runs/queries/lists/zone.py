"""Where a viewer's day begins: "today" is everybody's own, in links and views that are shared as well."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

UTC_NAME = "UTC"

_zone: ContextVar[str] = ContextVar("zone", default=UTC_NAME)


@contextmanager
def seen_from(cookies: Mapping[str, str]) -> Iterator[None]:
    """Filters that are made within mean the days of the zone that these cookies name.

    `zone=utc` is the viewer's choice; else `tz` is where the browser is. A zone that is not known here is UTC.
    """
    name = UTC_NAME if cookies.get("zone") == "utc" else cookies.get("tz", "")
    token = _zone.set(name if name in _known() else UTC_NAME)
    try:
        yield
    finally:
        _zone.reset(token)


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def viewers_zone() -> str:
    """The name of the zone in which filters are made now."""
    return _zone.get()


def start_of_day(now: datetime, zone: str) -> datetime:
    """When the day began in that zone, in UTC."""
    return now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
