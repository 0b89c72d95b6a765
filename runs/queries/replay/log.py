"""A run's log as the fold needs it: what later events outdo is left in the database, and so are big values.

What a step is shown with follows from the last of its events of each kind. So a moment costs what the run's steps are,
and little more for a longer log: PostgreSQL looks at each event (20 ms for 50,000) and hands over a few for each step.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Max, Q, QuerySet, When

from pulser.engine.fold import LoggedEvent, RunState, fold_events
from runs.models import Event
from runs.queries.replay.small_events import FACTS

SUSPENDED = "step.suspended"
# Those of the run itself reset its steps and end it, in the order they came.
ALL_COUNT = Q(step="") | Q(kind="artifact.created")


def read_log(
    run_id: UUID, seq: int, *, keys: Collection[str] | None = None, is_long: bool = False
) -> list[LoggedEvent]:
    """The events up to `seq`, in order: all of them; with `keys` all of these steps, and of others what the fold needs.

    `is_long`: and each time that a step was suspended.
    """
    log = Event.objects.filter(run=run_id).up_to(seq)
    if keys is not None:
        log = Event.objects.filter(run=run_id, seq__in=_last_of_each_kind(run_id, seq, keys=keys, is_long=is_long))
    rows = log.in_order().annotate(facts=FACTS).values_list("seq", "kind", "step", "attempt", "facts", "at")
    return [LoggedEvent(*row) for row in rows]


def _last_of_each_kind(run_id: UUID, seq: int, *, keys: Collection[str], is_long: bool) -> QuerySet[Any, Any]:
    whole = ALL_COUNT | Q(step__in=keys) | (Q(kind=SUSPENDED) if is_long else Q())
    log = Event.objects.filter(run=run_id).up_to(seq).annotate(apart=Case(When(whole, then=F("seq"))))
    return log.order_by().values("step", "kind", "apart").annotate(last=Max("seq")).values("last")


def state_of(entries: Collection[LoggedEvent]) -> RunState:
    """The run as of the last of what `read_log` gave."""
    state = fold_events(entries, is_whole=False)
    state.retry_count = sum(max(step.attempt - 1, 0) for step in state.steps.values())
    return state
