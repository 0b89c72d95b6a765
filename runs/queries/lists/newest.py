"""The newest runs that pass filters, as plain rows: which ones a list shows, before anything of them is loaded.

Everything here walks an index in the order of the list and stops as soon as it has enough. Each index of runs that is
ordered by time carries all that filters ask for, so that walking past what does not pass reads no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet, Value

from pulser.engine.states import RUN_OPEN
from runs.accounts.actors import Actor
from runs.models import Run
from runs.models.run import RunQuerySet
from runs.queries.lists.filters import RunFilters, matching, narrowed, within_time

Position = tuple[datetime, UUID]  # of a run in a list: the newest first, and of two alike the greater id
Row = tuple[Any, ...]
Wanted = Mapping[str, Sequence[Any]]  # column -> its values, of which a run has one
Walk = QuerySet[Run, Any]
Sql = tuple[str, Sequence[Any]]
Key = TypeVar("Key", bound=Hashable)

TITLES_READ = (
    20_000  # of the newest runs, before the index of titles is asked: that is slow at words which are everywhere
)
BRANCHES_MAX = 12  # a walk for each value of a filter, up to so many values
SPREAD = ("session_id", "plan_version_id", "trigger", "lane_id", "environment", "status")  # the most telling first
COUNT = "SELECT {place}, count(*) FROM ({walk}) AS walk"
TALLY = "SELECT value, count(*) FROM ({walk}) AS walk (at, id, value) GROUP BY value"
UNORDERED = ExpressionWrapper(F("created_at") + Value(timedelta(0)), output_field=DateTimeField())


def position_of(values: Sequence[str]) -> Position:
    """A position as it stands in a cursor."""
    created_at, run_id = values
    return datetime.fromisoformat(created_at), UUID(run_id)


def passing(actor: Actor, filters: RunFilters) -> RunQuerySet:
    """The runs that this actor may see and that pass, as a queryset to go on with."""
    return matching(Run.objects.visible_to(actor), filters)


def newest(
    actor: Actor,
    filters: RunFilters,
    *columns: str,
    limit: int,
    after: Position | None = None,
    among: RunQuerySet | None = None,
) -> list[Row]:
    """These columns of the newest runs that pass, newest first; of those beyond `after`, if given.

    `among` narrows them further.
    """
    runs = (Run.objects.all() if among is None else among).visible_to(actor)
    runs = within_time(runs if after is None else runs.older_than(*after), filters)
    wanted = narrowed(filters)
    if wanted is None:
        return []
    if filters.q:
        return _titled(runs, wanted, filters.q, columns=columns, limit=limit)
    return _rows(_walk(runs, wanted, columns=columns, limit=limit))


def count_each(actor: Actor, lists: Mapping[Key, RunFilters], *, limit: int) -> dict[Key, int]:
    """How many runs pass each of these filters, counted up to `limit`. One query for all that search no title."""
    counts = {key: len(newest(actor, filters, limit=limit)) if filters.q else 0 for key, filters in lists.items()}
    walks = {key: _sql(actor, filters, limit=limit) for key, filters in lists.items() if not filters.q}
    asked = [(key, *walk) for key, walk in walks.items() if walk]
    parts = [COUNT.format(place=place, walk=sql) for place, (_, sql, _) in enumerate(asked)]
    values = [value for _, _, some in asked for value in some]
    rows = _query(" UNION ALL ".join(parts), values) if parts else []
    return counts | {asked[place][0]: number for place, number in rows}


def tally_newest(actor: Actor, filters: RunFilters, *, column: str, limit: int) -> Counter[Any]:
    """How often each value stands in this column of the newest `limit` runs that pass."""
    if filters.q:
        return Counter(value for (value,) in newest(actor, filters, column, limit=limit))
    sql, values = _sql(actor, filters, column, limit=limit) or ("", ())
    return Counter(dict(_query(TALLY.format(walk=sql), values) if sql else ()))


def _sql(actor: Actor, filters: RunFilters, *columns: str, limit: int) -> Sql | None:
    """A walk as a statement with its values; None when nothing can pass."""
    wanted = narrowed(filters)
    if wanted is None:
        return None
    runs = within_time(Run.objects.visible_to(actor), filters)
    try:
        sql, values = _walk(runs, wanted, columns=columns, limit=limit).query.sql_with_params()
    except EmptyResultSet:  # the actor may see none
        return None
    return sql, values


def _query(statement: str, values: Sequence[Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Row] = cursor.fetchall()
        return rows


def _walk(runs: RunQuerySet, wanted: Wanted, *, columns: Sequence[str] = (), limit: int) -> Walk:
    """Newest first. PostgreSQL walks an index in this order for one value, not for several: those get a walk each."""
    walks: list[Walk] = [_ordered(runs.filter(**values), columns)[:limit] for values in _branches(wanted)]
    if len(walks) == 1 or runs.query.is_empty():  # a union of nothing cannot be ordered
        return walks[0]
    return walks[0].union(*walks[1:], all=True).order_by("-created_at", "-pk")[:limit]


def _ordered(runs: RunQuerySet, columns: Sequence[str]) -> Walk:
    return runs.newest_first().values_list("created_at", "pk", *columns)


def _rows(found: Iterable[Row]) -> list[Row]:
    """Without the time and the id that they are sorted by."""
    return [row[2:] for row in found]


def _branches(wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The conditions of each walk: one for each value of a filter, unless another filter has a single one."""
    alike = {f"{name}__in": values for name, values in wanted.items()}
    is_walkable = any(len(values) == 1 for values in wanted.values())
    spread = next((name for name in SPREAD if 1 < len(wanted.get(name, ())) <= BRANCHES_MAX), None)
    if is_walkable or spread is None:
        yield alike
    else:
        yield from (alike | {f"{spread}__in": [value]} for value in wanted[spread])


def _titled(runs: RunQuerySet, wanted: Wanted, text: str, *, columns: Sequence[str], limit: int) -> list[Row]:
    """Reads the titles of the newest; only what these lack is looked up in the index of titles."""
    edge = _walk(runs, wanted, limit=TITLES_READ)[TITLES_READ - 1 :].first()
    if edge is None:  # there are no more than these
        return _rows(_walk(runs.titled_like(text), wanted, columns=columns, limit=limit))
    since = edge[0]
    near = runs.filter(created_at__gte=since).titled_like(text)
    found = _rows(_walk(near, wanted, columns=columns, limit=limit))
    if len(found) == limit:
        return found
    return found + _looked_up(
        runs.filter(created_at__lt=since), wanted, text, columns=columns, limit=limit - len(found)
    )


def _looked_up(runs: RunQuerySet, wanted: Wanted, text: str, *, columns: Sequence[str], limit: int) -> list[Row]:
    """Runs enter the index when they end: the open ones are read. Sorted by what no index has, lest one is walked."""
    runs = runs.filter(**{f"{name}__in": values for name, values in wanted.items()}).titled_like(text)
    still_open = runs.in_status(*RUN_OPEN)
    ended = runs.ended().with_grams_of(text)
    rows = [
        row
        for some in (still_open, ended)
        for row in some.order_by(UNORDERED.desc(), "-pk").values_list("created_at", "pk", *columns)[:limit]
    ]
    return _rows(sorted(rows, key=lambda row: row[:2], reverse=True)[:limit])
