"""Cards and rows of the board, for pages and live frames alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pulser.engine.states import RunStatus
from runs.models import Run, Step
from runs.queries.lists.expectations import expected_durations
from runs.queries.waiting_reasons import Capacity, waiting_reasons_by_run


@dataclass(frozen=True, slots=True)
class CardStep:
    """A step as a card shows it: without outputs, and cheap to make by the thousand."""

    key: str
    status: str
    reason: str
    next_attempt_at: datetime | None
    deadline_at: datetime | None
    wait_role: str
    wait_message: str
    progress_done: int | None
    progress_total: int | None


CARD_FIELDS = tuple(field.name for field in fields(CardStep))


def board_cards(runs: Iterable[Run], *, room: Capacity | None = None) -> list[dict[str, Any]]:
    """The contexts of cards and rows, in their order. One query for all steps, a few for what is said beside.

    `room`: lanes and workers, when they were read already.
    """
    runs = list(runs)
    ribbons: dict[Any, list[CardStep]] = {run.pk: [] for run in runs}
    steps = Step.objects.filter(run__in=runs).order_by("run_id", "position")
    for run_id, *values in steps.values_list("run_id", *CARD_FIELDS):
        ribbons[run_id].append(CardStep(*values))
    reasons = waiting_reasons_by_run(runs, ribbons, room=room)
    expected = expected_durations({run.plan_version.plan_id for run in runs if run.status == RunStatus.RUNNING})
    return [
        {
            "run": run,
            "steps": ribbons[run.pk],
            "why": reasons.get(run.pk),
            "expected_s": expected.get(run.plan_version.plan_id),
        }
        for run in runs
    ]


def card_context(run: Run) -> dict[str, Any]:
    """What `runs/_card.html` and `runs/_row.html` need: the run, its steps in plan order, why it stands still, and how
    many seconds it is expected to run.
    """
    return board_cards([run])[0]
