"""The filter bar: pills for statuses, menus for all else, and what is narrowed, each with the URL it leads to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from controlroom.web.pages.board_query import BoardQuery
from controlroom.web.templatetags.times import exact
from pulser.engine.states import RunStatus
from pulser.models import Plan
from runs.accounts.actors import Actor
from runs.models import Lane, Session
from runs.queries.lists import counts
from runs.queries.lists.counts import Count
from runs.queries.lists.facets import FacetValue, facet
from runs.queries.lists.filters import TIMES, TODAY, YESTERDAY, RunFilters
from runs.queries.lists.zone import viewers_zone

MENUS: Mapping[str, str] = {
    "status": "Status",
    "lane": "Lane",
    "plan": "Plan",
    "session": "Session",
    "environment": "Environment",
    "trigger": "Trigger",
    "within": "Time",
}
MOMENTS = {"since": "From", "until": "Before"}
WITHIN_WORDS = {
    TODAY: "today",
    YESTERDAY: "yesterday",
    "1h": "last hour",
    "6h": "last 6 hours",
    "24h": "last 24 hours",
    "7d": "last 7 days",
    "30d": "last 30 days",
}
TIME_RANGE = ("since", "until")  # of a time, from when until when
TIME = ("within", *TIME_RANGE)  # filters of the menu Time, of which one takes the place of the other
VALUES_SHOWN = 60  # of a menu; the rest is found by its field
FIND_FROM = 9  # values from which a menu has a field to find them


@dataclass(frozen=True, slots=True)
class StatusPill:
    """A status, empty for all, with the number of runs that it would show."""

    status: str
    count: Count
    url: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class ActivePill:
    """A filter that is on; the URL is without it. `moment`: what its value is, where that is one."""

    name: str
    value: str
    url: str
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Menu:
    """A filter, and how many of its values are chosen."""

    name: str
    label: str
    chosen: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What a menu offers: the values of one filter with their counts, chosen ones first. `rest` did not fit.

    `span`: of times, what the fields From and Before hold; in `zone`, which they do not name.
    """

    name: str
    values: list[Choice]
    rest: int
    find: str
    is_long: bool
    span: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value as it stands in the URL, how it is called, and how many runs it would show."""

    value: str
    label: str
    count: Count | None
    is_on: bool


def status_pills(asked: BoardQuery, by_status: Mapping[str, Count]) -> list[StatusPill]:
    chosen = asked.filters.status
    every = StatusPill(
        "", sum(by_status.values(), Count(0)), asked.showing(asked.filters.without("status")).url, is_on=not chosen
    )
    return [every] + [
        StatusPill(status, count, asked.showing(asked.filters.having("status", status)).url, is_on=status in chosen)
        for status, count in by_status.items()
    ]


def active_pills(asked: BoardQuery, sessions: Mapping[int, str]) -> list[ActivePill]:
    """All that narrows but the status, which has pills of its own. `sessions`: names by id, of those that are there."""
    filters = asked.filters
    found = [
        ActivePill(label, _value_label(name, value, sessions), asked.showing(filters.without(name, value)).url)
        for name, label in MENUS.items()
        if name not in ("status", "within")
        for value in getattr(filters, name)
    ]
    if filters.within:
        found.append(ActivePill("Time", WITHIN_WORDS[filters.within], asked.showing(filters.without("within")).url))
    found += [
        ActivePill(label, exact(moment), asked.showing(filters.without(name)).url, moment)
        for name, label in MOMENTS.items()
        if (moment := getattr(filters, name))
    ]
    if filters.waits_for:
        found.append(ActivePill("Waits for", "a person", asked.showing(filters.without("waits_for")).url))
    if filters.q:
        found.append(ActivePill("Title", f"“{filters.q}”", asked.showing(filters.without("q")).url))
    return found


def _value_label(name: str, value: Any, sessions: Mapping[int, str]) -> str:
    return sessions.get(value, f"number {value}") if name == "session" else str(value)


def menus(filters: RunFilters) -> list[Menu]:
    return [
        Menu(name, label, sum(_chosen(getattr(filters, one)) for one in narrowed_by(name)))
        for name, label in MENUS.items()
    ]


def narrowed_by(menu: str) -> tuple[str, ...]:
    """The filters that this menu sets."""
    return TIME if menu == "within" else (menu,)


def _chosen(value: object) -> int:
    return len(value) if isinstance(value, tuple) else int(bool(value))


def session_names(actor: Actor, filters: RunFilters) -> dict[int, str]:
    """The names of the sessions that are filtered by. No query when there are none."""
    if not filters.session:
        return {}
    return dict(Session.objects.visible_to(actor).filter(pk__in=filters.session).values_list("pk", "name"))


def unknown_values(filters: RunFilters, sessions: Mapping[int, str]) -> list[str]:
    """Values that fit their filter and name nothing that is there, in words."""
    lanes = set(Lane.objects.filter(name__in=filters.lane).values_list("name", flat=True)) if filters.lane else set()
    plans = set(Plan.objects.filter(slug__in=filters.plan).values_list("slug", flat=True)) if filters.plan else set()
    known: dict[str, Iterable[Any]] = {"lane": lanes, "plan": plans, "session": sessions}
    return [
        f"{name} “{value}” not found"
        for name, there in known.items()
        for value in getattr(filters, name)
        if value not in there
    ]


def choices(actor: Actor, filters: RunFilters, *, name: str, find: str = "") -> Choices:
    """What the menu of this name offers. Raises ValueError for other names."""
    if name not in MENUS:
        raise ValueError(f"unknown filter {name}")
    chosen = set(map(str, _as_tuple(getattr(filters, name))))
    known = [Choice(one.value, one.label, one.count, one.value in chosen) for one in _values(actor, filters, name)]
    known += [Choice(value, value, None, is_on=True) for value in sorted(chosen - {one.value for one in known})]
    found = [one for one in known if one.is_on or find.casefold() in f"{one.label} {one.value}".casefold()]
    found.sort(key=lambda one: not one.is_on)
    shown = found[: max(VALUES_SHOWN, len(chosen))]
    offered = Choices(name, shown, len(found) - len(shown), find, is_long=len(known) >= FIND_FROM)
    return replace(offered, span=_span(filters), zone=viewers_zone()) if name == "within" else offered


def _span(filters: RunFilters) -> dict[str, str]:
    return {name: _as_typed(getattr(filters, name)) for name in TIME_RANGE}


def _as_typed(moment: datetime | None) -> str:
    """As a field for a date and a time has it; empty for what lies beyond all dates in the viewer's zone."""
    try:
        there = moment and moment.astimezone(ZoneInfo(viewers_zone())).replace(tzinfo=None, microsecond=0)
    except OverflowError:
        return ""
    return there.isoformat(timespec="seconds" if there.second else "minutes") if there else ""


def _values(actor: Actor, filters: RunFilters, name: str) -> list[FacetValue]:
    if name == "status":
        by_status = counts.by_status(actor, filters)
        return [FacetValue(status.value, status.value, by_status[status.value]) for status in RunStatus]
    if name == "within":
        found = counts.totals(actor, {word: replace(filters, within=word, since=None, until=None) for word in TIMES})
        return [FacetValue(word, WITHIN_WORDS[word], found[word]) for word in TIMES]
    return facet(actor, filters, name=name)


def _as_tuple(value: str | tuple[Any, ...]) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * bool(value)


def hidden_pairs(asked: BoardQuery, *, but: Collection[str] = ()) -> list[tuple[str, str]]:
    """What a form of these filters carries along, so that it changes them alone."""
    given = [*asked.pairs(), *([("saved", asked.saved)] if asked.saved else [])]
    return [(name, value) for name, value in given if name not in but]
