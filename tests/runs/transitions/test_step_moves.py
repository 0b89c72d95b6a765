"""Each move of a step, tried from every status: it is made where the table says so, else nothing at all changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from pulser.engine.states import StepStatus
from pulser.language.catalogue import ErrorClass
from runs.commands import approve, reject
from runs.errors import MoveRefused
from runs.models import Attempt, Event, Run, Step
from runs.transitions import expire, lose_lease, requeue_due
from runs.transitions.claim import Claim
from runs.transitions.outcomes import (
    Outcome,
    Stopped,
    Success,
    Suspended,
    failure,
    finish_attempt,
)
from tests.factories import make_actor, make_run
from tests.runs.helpers import (
    ALICE,
    BOB,
    kinds,
    statuses,
    step_of,
    take,
)
from tests.runs.transitions.plans import ONE

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
ASK = Suspended("approval", "reject", for_s=3600.0, role="operator", message="Go?")
FAILED = failure(ErrorClass.FAILED, "exit code 1")
LATER = failure(ErrorClass.FAILED, "exit code 1", delay=60.0)
Verb = Callable[[Run], object]


def _step_in(status: str) -> Run:
    """A running run whose only step is in this status, with an attempt under an expired lease where one is open."""
    run = make_run(status="running", source=ONE, steps={"greet": status})
    Step.objects.filter(run=run).update(attempt=1)
    if status in ("running", "waiting"):
        Attempt.objects.create(step=step_of(run, "greet"), number=1, worker="w", started_at=timezone.now())
    if status == "running":
        Attempt.objects.filter(step__run=run).update(lease_expires=timezone.now())
    return run


def _claim_of(run: Run) -> Claim:
    step = step_of(run, "greet")
    attempt = Attempt.objects.filter(step=step).first()
    return Claim(
        run_id=str(run.pk),
        version_id=run.plan_version_id,
        params={},
        environment="dev",
        title="",
        key="greet",
        step_id=step.pk,
        attempt_id=attempt.pk if attempt else 0,
        number=1,
        tries=1,
        claimant=ALICE,
        started_at=timezone.now(),
    )


def _finish(outcome: Outcome) -> Verb:
    return lambda run: finish_attempt(_claim_of(run), outcome).accepted


MOVES: dict[str, tuple[Verb, dict[str, str]]] = {  # name -> (verb, status -> what it leads to)
    "claim": (lambda run: take(run, BOB), {"queued": "running"}),
    "succeed": (_finish(Success({})), {"running": "success"}),
    "fail": (_finish(FAILED), {"running": "error"}),
    "back_off": (_finish(LATER), {"running": "backoff"}),
    "suspend": (_finish(ASK), {"running": "waiting"}),
    "stop": (_finish(Stopped()), {"running": "cancelled"}),
    "approve": (lambda run: approve(str(run.pk), "greet", actor=OLIVIA), {"waiting": "success"}),
    "reject": (lambda run: reject(str(run.pk), "greet", actor=OLIVIA), {"waiting": "error"}),
    "expire": (lambda run: expire(str(run.pk), "greet"), {"waiting": "error"}),
    "back": (lambda run: requeue_due(str(run.pk), "greet"), {"backoff": "queued"}),
    "lose": (lambda run: lose_lease(str(run.pk), "greet", number=1), {"running": "queued"}),
}
CASES = [(name, status) for name in MOVES for status in StepStatus]


@pytest.mark.parametrize(("name", "status"), [case for case in CASES if case[1] in MOVES[case[0]][1]])
def test_a_move_is_made_where_the_status_allows_it(name: str, status: str) -> None:
    verb, targets = MOVES[name]
    run = _step_in(status)

    verb(run)

    assert statuses(run) == {"greet": targets[status]}
    assert Event.objects.filter(run=run, seq__gt=1).exists()


@pytest.mark.parametrize(("name", "status"), [case for case in CASES if case[1] not in MOVES[case[0]][1]])
def test_a_move_does_nothing_in_every_other_status(name: str, status: str) -> None:
    verb, _ = MOVES[name]
    run = _step_in(status)
    before = _rows(run)

    try:
        result = verb(run)
    except MoveRefused:
        result = None

    assert not result
    assert _rows(run) == before
    assert set(kinds(run)) <= {"run.queued", "attempt.rejected"}


def _rows(run: Run) -> tuple[Any, ...]:
    """All but the run's count of events: a refused report is told, and changes nothing else."""
    columns = Run.objects.filter(pk=run.pk).values().get() | {"seq": None}
    return columns, list(Step.objects.filter(run=run).values()), list(Attempt.objects.filter(step__run=run).values())
