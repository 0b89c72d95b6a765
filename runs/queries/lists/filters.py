"""What a list of runs is narrowed to: read from a URL, written back to one, and asked in SQL.

Board, table, timeline, sockets, saved views and bulk work share it, so that they mean the same runs by the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from pulser.engine.states import RUN_OPEN, RunStatus
from pulser.language.limits import ID_MAX
from pulser.language.numbers import whole_number
from pulser.models import PlanVersion
from runs.models.choices import ENVIRONMENTS
from runs.models.lane import Lane
from runs.models.run import RunQuerySet
from runs.models.step import Step
from runs.queries.lists.zone import UTC_NAME, start_of_day, viewers_zone

WITHIN: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
TODAY, YESTERDAY = DAYS = ("today", "yesterday")
TIMES = (*DAYS, *WITHIN)  # what `within` may be
SECOND = timedelta(seconds=1)
PERSON = "person"
FIRST = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)  # of moments from which a zone's day can be told
Q_CHARS = 200
VALUES_MAX = 50  # of one filter
VALUE_CHARS = 100


NOT_ASKED = frozenset({"zone", "problems", "unread"})  # what no URL says


class Query(Protocol):
    """The values of a URL's query by name, as Django's QueryDict has them."""

    def getlist(self, name: str) -> list[str]: ...


class TextQuery:
    """A query that is kept as text."""

    def __init__(self, text: str) -> None:
        self._values = parse_qs(text, keep_blank_values=True)

    def getlist(self, name: str) -> list[str]:
        return self._values.get(name, [])


@dataclass(frozen=True, slots=True)
class RunFilters:
    """Each field narrows; values of one field are alternatives. `problems` says what in the URL means nothing.

    `waits_for`: "person", for runs that somebody must decide about. `zone`: in which "today" and "yesterday" are meant;
    it is the reader's, and in no URL.

    With problems nothing matches: a filter that was dropped in silence would show, or archive, what was not meant. So
    what could not be read is kept as it stood in the URL, and stands in `query` again.
    """

    status: tuple[str, ...] = ()
    lane: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    session: tuple[int, ...] = ()
    environment: tuple[str, ...] = ()
    trigger: tuple[str, ...] = ()
    within: str = ""
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""
    archived: bool = False
    waits_for: str = ""
    zone: str = ""
    problems: tuple[str, ...] = field(default=(), compare=False)
    unread: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", (self.zone or viewers_zone()) if self.within in DAYS else "")

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but "Show archived" is asked for."""
        return bool(self.problems) or replace(self, archived=False) != RunFilters()

    @property
    def query(self) -> str:
        """As a query string without its question mark: the same filters always give the same text."""
        return urlencode(list(self.pairs()))

    def pairs(self) -> Iterable[tuple[str, str]]:
        """Names and values as they stand in a URL."""
        yield from self.unread
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in NOT_ASKED or not value:
                continue
            if one.name == "archived":
                yield "archived", "1"
            elif isinstance(value, datetime):
                yield one.name, value.astimezone(UTC).isoformat().replace("+00:00", "Z")
            else:
                yield from ((one.name, str(item)) for item in (value if isinstance(value, tuple) else (value,)))

    def without(self, name: str, value: Any = None) -> RunFilters:
        """Without one value of a filter, or without the filter as a whole."""
        if value is None:
            return self._with(name, getattr(RunFilters(), name))
        return self._with(name, tuple(item for item in getattr(self, name) if item != value))

    def having(self, name: str, *values: Any) -> RunFilters:
        """With these values of a filter in place of its own."""
        return self._with(name, tuple(sorted(set(values))))

    def _with(self, name: str, value: Any) -> RunFilters:
        return replace(self, **{name: value})


def read_filters(query: Query) -> RunFilters:
    """The filters of a URL's query. Never raises: what means nothing becomes a problem."""
    problems: list[str] = []
    known = [status.value for status in RunStatus]
    filters = RunFilters(
        status=_words(query, "status", problems, known=known),
        lane=_words(query, "lane", problems),
        plan=_words(query, "plan", problems),
        session=tuple(sorted(map(int, _words(query, "session", problems, fits=_is_id)))),
        environment=_words(query, "environment", problems, known=[name for name, _ in ENVIRONMENTS]),
        trigger=_words(query, "trigger", problems),
        within=_within(query, problems),
        since=_moment(query, "since", problems),
        until=_moment(query, "until", problems),
        q=_single_value(query, "q").strip()[:Q_CHARS],
        archived=_single_value(query, "archived") in {"1", "true"},
        waits_for=_waits_for(query, problems),
        problems=tuple(problems),
    )
    return replace(filters, unread=tuple(_unread(query, filters))) if problems else filters


def _unread(query: Query, filters: RunFilters) -> Iterator[tuple[str, str]]:
    """What became no filter; of long values so much that they stay what they are."""
    read = set(filters.pairs())
    for one in fields(RunFilters):
        if one.name in NOT_ASKED:
            continue
        for value in query.getlist(one.name)[: VALUES_MAX + 1]:
            if value and (one.name, value) not in read:
                yield one.name, value.replace("\0", "")[: VALUE_CHARS + 1]


def _single_value(query: Query, name: str) -> str:
    values = query.getlist(name)
    return values[-1].replace("\0", "") if values else ""


def _words(
    query: Query,
    name: str,
    problems: list[str],
    *,
    known: Iterable[str] = (),
    fits: Callable[[str], bool] = lambda text: len(text) <= VALUE_CHARS,
) -> tuple[str, ...]:
    """The values in a fixed order, each once."""
    given = sorted({value.replace("\0", "") for value in query.getlist(name)} - {"", "all"})
    if len(given) > VALUES_MAX:
        problems.append(f"at most {VALUES_MAX} values of {name} are allowed")
    strange = [value for value in given if not fits(value) or (known and value not in known)]
    problems.extend(f"{name} “{value[:VALUE_CHARS]}” not found" for value in strange[:3])
    return tuple(value for value in given if value not in strange)[:VALUES_MAX]


def _is_id(text: str) -> bool:
    return whole_number(text, at_most=ID_MAX) is not None


def _within(query: Query, problems: list[str]) -> str:
    word = _single_value(query, "within")
    if word and word not in TIMES:
        problems.append(f"unknown time range “{word[:VALUE_CHARS]}”: choose one of {', '.join(TIMES)}")
        return ""
    return word


def _waits_for(query: Query, problems: list[str]) -> str:
    word = _single_value(query, "waits_for")
    if word and word != PERSON:
        problems.append(f"unknown waits_for “{word[:VALUE_CHARS]}”: use waits_for={PERSON}")
        return ""
    return word


def _moment(query: Query, name: str, problems: list[str]) -> datetime | None:
    text = _single_value(query, name)
    if not text:
        return None
    moment = as_moment(text, zone=viewers_zone())
    if moment is None:
        problems.append(f"{name} “{text[:VALUE_CHARS]}” is not a time: use a format like 2026-11-21T12:00:00Z")
    return moment


def as_moment(text: str, *, needs_zone: bool = False, zone: str = UTC_NAME) -> datetime | None:
    """The time in UTC, which `zone` is for one that names none; None for what is no time, or lies beyond all dates."""
    try:
        moment = parse_datetime(text)
        if moment is not None and timezone.is_naive(moment):
            if needs_zone:
                return None
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment and moment.astimezone(UTC)  # the first day of the first year in Asia was a day before it here
    except (ValueError, OverflowError):
        return None


def matching(runs: RunQuerySet, filters: RunFilters) -> RunQuerySet:
    """The runs that pass all filters. In SQL, with the database's clock where a range is relative.

    Names of lanes and plans are looked up at once: with ids at hand PostgreSQL knows how many runs each of them has.
    """
    wanted = narrowed(filters)
    if wanted is None:
        return runs.none()
    runs = within_time(runs, filters).filter(**{f"{name}__in": values for name, values in wanted.items()})
    return runs.titled_like(filters.q) if filters.q else runs


def narrowed(filters: RunFilters) -> dict[str, list[Any]] | None:
    """The columns that are narrowed, each with the values that pass; None when nothing can pass."""
    asked: dict[str, list[Any]] = {
        "status": list(filters.status or (RUN_OPEN if filters.waits_for else ())),
        "lane_id": lane_ids(filters) if filters.lane else [],
        "plan_version_id": _ids(PlanVersion.objects.filter(plan__slug__in=filters.plan)) if filters.plan else [],
        "session_id": list(filters.session),
        "environment": list(filters.environment),
        "trigger": list(filters.trigger),
    }
    has_unknown = (filters.lane and not asked["lane_id"]) or (filters.plan and not asked["plan_version_id"])
    return None if filters.problems or has_unknown else {name: values for name, values in asked.items() if values}


def lane_ids(filters: RunFilters) -> list[int]:
    """The lanes in which runs can be that pass, in the order of their ids."""
    lanes = Lane.objects.filter(name__in=filters.lane) if filters.lane else Lane.objects.all()
    return [] if filters.problems else _ids(lanes)


def _ids(found: QuerySet[Any]) -> list[Any]:
    return list(found.order_by("pk").values_list("pk", flat=True))


def within_time(runs: RunQuerySet, filters: RunFilters) -> RunQuerySet:
    """Those of the time that is asked for, without archived ones unless these are asked for as well.

    Of those that wait for a person `narrowed` takes the open ones, which are few.
    """
    runs = runs if filters.archived else runs.active()
    runs = runs.filter(Exists(Step.objects.awaiting_anyone().filter(run=OuterRef("pk")))) if filters.waits_for else runs
    runs = _lately(runs, filters) if filters.within else runs
    runs = runs.filter(created_at__gte=filters.since) if filters.since else runs
    return runs.filter(created_at__lt=filters.until) if filters.until else runs


def _lately(runs: RunQuerySet, filters: RunFilters) -> RunQuerySet:
    """By the database's clock; a day lasts so long that ours will do."""
    if filters.within not in DAYS:
        return runs.filter(created_at__gte=Now() - WITHIN[filters.within])
    begins, ends = _day(filters, timezone.now())
    runs = runs.filter(created_at__gte=begins)
    return runs.filter(created_at__lt=ends) if ends else runs


def _day(filters: RunFilters, now: datetime) -> tuple[datetime, datetime | None]:
    """When the day that is meant begins and ends; today has no end yet."""
    today = start_of_day(now, filters.zone)
    return (today, None) if filters.within == TODAY else (start_of_day(today - SECOND, filters.zone), today)


def fixed(filters: RunFilters, now: datetime) -> RunFilters:
    """A range that moves with the clock as it is at this moment, with bounds that stay."""
    if not filters.within:
        return filters
    length = WITHIN.get(filters.within, timedelta(0))
    now = max(now, FIRST + length)
    since, until = _day(filters, now) if filters.within in DAYS else (now - length, None)
    return replace(
        filters,
        within="",
        since=max(filter(None, (since, filters.since))),
        until=min(filter(None, (until, filters.until)), default=None),
    )
