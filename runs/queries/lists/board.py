"""Which runs the board shows: the newest of each lane, a page of the table, the bars of the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from runs.accounts.actors import Actor
from runs.models import Run
from runs.queries.lists.cursors import BadCursor, read_cursor, seal_of, write_cursor
from runs.queries.lists.filters import RunFilters, lane_ids
from runs.queries.lists.newest import Position, newest, passing, position_of

BOARD_RUNS_PER_LANE = 30
BOARD_RUNS_SEEN = 300  # of all lanes together, before one is looked at alone
TABLE_RUNS = 100
BARS_PER_LANE = 200
BAR_COLUMNS = ("pk", "lane_id", "title", "status", "queued_at", "started_at", "finished_at", "rested_s")
ALL = RunFilters()


@dataclass(frozen=True, slots=True)
class TablePage:
    """Rows of the table, newest first; the cursor of the next page, empty after the last; what was wrong with ours."""

    runs: list[Run]
    next: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TimelineRun:
    """A run on the timeline."""

    id: UUID
    lane: int
    title: str
    status: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    rested_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """The runs that were there between two moments, newest first, and the ids of lanes that had more than fit."""

    bars: list[TimelineRun]
    cut: frozenset[int] = frozenset()


def board_runs(actor: Actor, filters: RunFilters = ALL) -> QuerySet[Run]:
    """The newest runs of each lane that pass, newest first.

    At most `BOARD_RUNS_PER_LANE` of each lane; a page of the table for one lane alone shows what comes after them.
    """
    return Run.objects.visible_to(actor).listed(_board_ids(actor, filters))


def _board_ids(actor: Actor, filters: RunFilters) -> list[UUID]:
    """A look at the newest of all lanes fills most of them; what is missing then is looked for lane by lane."""
    by_lane: dict[int, list[UUID]] = {}
    seen = newest(actor, filters, "lane_id", "pk", limit=BOARD_RUNS_SEEN)
    for lane, run in seen:
        by_lane.setdefault(lane, []).append(run)
    for lane in lane_ids(filters) if len(seen) == BOARD_RUNS_SEEN else ():
        if len(by_lane.get(lane, ())) < BOARD_RUNS_PER_LANE:
            there = Run.objects.filter(lane=lane)
            by_lane[lane] = [run for (run,) in newest(actor, filters, "pk", limit=BOARD_RUNS_PER_LANE, among=there)]
    return [run for runs in by_lane.values() for run in runs[:BOARD_RUNS_PER_LANE]]


def table_page(actor: Actor, filters: RunFilters = ALL, *, after: str = "", limit: int = TABLE_RUNS) -> TablePage:
    """A page of the table. Never raises: a cursor that is none, or of other filters, gives no rows and a `problem`."""
    try:
        position = _position(after, filters)
    except BadCursor as problem:
        return TablePage([], problem=str(problem))
    ids = [row[0] for row in newest(actor, filters, "pk", limit=limit + 1, after=position)]
    runs = list(Run.objects.visible_to(actor).listed(ids[:limit]))
    return TablePage(runs, next=cursor_after(runs[-1], filters) if len(ids) > limit and runs else "")


def cursor_after(run: Run, filters: RunFilters) -> str:
    """For `table_page(filters)`: the page that begins after this run. For "Show more" in a lane, too."""
    return write_cursor([run.created_at, run.pk], _seal(filters))


def _position(cursor: str, filters: RunFilters) -> Position | None:
    if not cursor:
        return None
    return position_of(read_cursor(cursor, _seal(filters), length=2))


def _seal(filters: RunFilters) -> str:
    return seal_of("table", {"query": filters.query})


def read_timeline(actor: Actor, filters: RunFilters, *, since: datetime, until: datetime) -> Timeline:
    """The runs that pass, were created before `until`, and had not ended before `since`.

    Of each lane the newest `BARS_PER_LANE`: of what is under way those created last, then those that ended last.
    """
    there = passing(actor, filters).filter(created_at__lt=until)
    bars: list[TimelineRun] = []
    cut: set[int] = set()
    for lane in lane_ids(filters):
        in_lane = there.filter(lane=lane)
        under_way = in_lane.unfinished().newest_first()
        ended = in_lane.ended().filter(finished_at__gte=since).order_by("-finished_at", "-pk")
        # The ids first, from the index alone: so it costs what ended in that time, and not all that passes the filters.
        newest_ended = Run.objects.filter(pk__in=ended.values("pk")[: BARS_PER_LANE + 1])
        shown = (under_way, newest_ended.order_by("-finished_at", "-pk"))
        found = [row for some in shown for row in some.values_list(*BAR_COLUMNS)[: BARS_PER_LANE + 1]]
        bars += (TimelineRun(*row) for row in found[:BARS_PER_LANE])
        cut |= {lane} if len(found) > BARS_PER_LANE else set()
    bars.sort(key=lambda bar: (bar.queued_at, bar.id), reverse=True)
    return Timeline(bars, frozenset(cut))
