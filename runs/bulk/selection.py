"""What somebody wants done to many runs, read from a form, and started as a run that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from runs.accounts.actors import Actor
from runs.bulk.plan import ensure_lane, ensure_plan
from runs.commands.start import start_run
from runs.errors import Forbidden, InvalidValue
from runs.events import rfc3339
from runs.models import Run
from runs.models.run import RunQuerySet
from runs.queries.lists.filters import Query, RunFilters, as_moment, fixed, read_filters
from runs.queries.lists.newest import count_each, passing

RUNS_MAX = 10_000  # in one go
TICKED_MAX = 1_000
TICK = timedelta(microseconds=1)  # `until` is a bound that does not belong to the range
ACTIONS = {"retry": "Retry", "cancel": "Cancel", "archive": "Archive", "unarchive": "Unarchive"}
KINDS_OF_RUNS = {"error": "failed ", "success": "successful "}


@dataclass(frozen=True, slots=True)
class Selection:
    """All runs that pass the filters and were there at a moment. `number` counts them, up to one more than allowed."""

    filters: RunFilters
    asked_at: datetime
    number: int


def select_matching(actor: Actor, query: Query, *, asked_at: datetime | None = None) -> Selection:
    """What "all that match" means now, or meant at a moment before.

    Raises InvalidValue for filters that mean nothing.
    """
    filters = read_filters(query)
    if filters.problems:
        raise InvalidValue(filters.problems[0])
    now = database_time()
    asked_at = min(asked_at, now) if asked_at else now
    lasting = fixed(filters, asked_at)  # or it would mean other runs when the work begins
    there = replace(lasting, until=min(filter(None, (lasting.until, asked_at + TICK))))
    return Selection(lasting, asked_at, count_each(actor, {"all": there}, limit=RUNS_MAX + 1)["all"])


def selected_runs(actor: Actor, filters: RunFilters, *, asked_at: datetime) -> RunQuerySet:
    """The runs that are meant, oldest first."""
    return passing(actor, filters).filter(created_at__lte=asked_at).order_by("created_at", "pk")


def read_moment(text: str) -> datetime:
    """Raises InvalidValue."""
    moment = as_moment(text, needs_zone=True)
    if moment is None:
        raise InvalidValue(f"“{text[:50]}” is not a time: use a format like 2026-11-21T12:00:00Z")
    return moment


def database_time() -> datetime:
    """The clock by which runs are created."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def start_for_ticked(actor: Actor, action: str, *, runs: Sequence[str]) -> Run:
    """One run that does this to the ticked runs. Raises Forbidden, InvalidValue, Busy."""
    _check(actor, action)
    ids = list(dict.fromkeys(str(_uuid(run)) for run in runs))
    if not ids:
        raise InvalidValue("select at least one run")
    if len(ids) > TICKED_MAX:
        raise InvalidValue(f"at most {TICKED_MAX:,} runs can be selected one by one: select all that match, or fewer")
    return _start(actor, action, title=_title(action, len(ids)), runs=ids, shown=len(ids))


def start_for_all(actor: Actor, action: str, *, all_of_them: Selection, shown: int) -> Run:
    """One run that does this to all that are meant. `shown`: how many the asker was told. Raises as above."""
    _check(actor, action)
    if all_of_them.number == 0:
        raise InvalidValue("no runs match any more")
    if all_of_them.number > RUNS_MAX:
        raise InvalidValue(f"more than {RUNS_MAX:,} runs match, the limit of one bulk action: narrow the filters")
    filters = all_of_them.filters
    kind = filters.status[0] if len(filters.status) == 1 else ""
    title = _title(action, all_of_them.number, kind=KINDS_OF_RUNS.get(kind, f"{kind} ".lstrip()))
    return _start(actor, action, title=title, query=filters.query, asked_at=rfc3339(all_of_them.asked_at), shown=shown)


def _check(actor: Actor, action: str) -> None:
    if not actor.can_operate:
        raise Forbidden("this requires the role operator")
    if action not in ACTIONS:
        raise InvalidValue(f"unknown action “{action[:50]}”: choose one of {', '.join(ACTIONS)}")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidValue(f"“{text[:50]}” is not a run id") from None


def _title(action: str, number: int, *, kind: str = "") -> str:
    return f"{ACTIONS[action]} {number:,} {kind}{'run' if number == 1 else 'runs'}"


def _start(actor: Actor, action: str, *, title: str, **params: object) -> Run:
    started = start_run(
        ensure_plan(),
        params={"action": action, **params},
        actor=actor,
        trigger="board",
        lane=ensure_lane(),
        title=title,
    )
    return started.run
