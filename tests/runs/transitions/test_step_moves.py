"""Each move of a step, tried from every status: it is made where the table says so, else nothing at all changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from pulser.engine.states import StepStatus
from pulser.language.catalogue import ErrorClass
from runs.errors import Forbidden, MoveRefused, NotThere
from runs.models import Attempt, Event, Run, Step
from runs.transitions import (
    approve,
    end_unresponsive,
    expire,
    lose_lease,
    note_process_group,
    reject,
    renew,
    request_cancel,
    requeue_due,
    retry,
)
from runs.transitions.claim import Claim
from runs.transitions.outcomes import (
    Outcome,
    Stopped,
    Success,
    Suspended,
    failure,
    finish_attempt,
)
from tests.factories import make_actor, make_run, start
from tests.runs.helpers import (
    ALICE,
    BOB,
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    event,
    finished,
    kinds,
    let_deadlines_pass,
    let_leases_run_out,
    let_time_pass,
    status_of,
    statuses,
    step_of,
    take,
)
from tests.runs.transitions.plans import GATE, JOIN, ONE, TIDY, TWO

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


@pytest.mark.parametrize("verb", [approve, reject])
def test_only_who_has_the_role_decides(verb: Callable[..., None]) -> None:
    run = start(GATE)
    finished(claimed(run), ASK)

    with pytest.raises(Forbidden):
        verb(str(run.pk), "gate", actor=make_actor("viewer"))
    assert statuses(run)["gate"] == "waiting"


@pytest.mark.parametrize("verb", [approve, reject])
def test_a_step_that_the_run_has_not_cannot_be_decided(verb: Callable[..., None]) -> None:
    with pytest.raises(NotThere):
        verb(str(start(GATE).pk), "gates", actor=OLIVIA)


def test_an_approval_of_another_role_is_decided_by_it_or_an_admin() -> None:
    run = start(GATE)
    finished(claimed(run), Suspended("approval", "reject", for_s=60.0, role="release-manager"))

    with pytest.raises(Forbidden):
        approve(str(run.pk), "gate", actor=OLIVIA)
    approve(str(run.pk), "gate", actor=make_actor("release-manager", name="rita"), comment="fine")
    assert step_of(run, "gate").outputs == {"decision": "approved", "by": "rita", "comment": "fine"}


def test_a_comment_with_signs_that_cannot_be_stored_is_taken_all_the_same() -> None:
    run = start(GATE)
    finished(claimed(run), ASK)

    approve(str(run.pk), "gate", actor=OLIVIA, comment="a\0b\ud800c")

    assert event(run, "approval.given", step="gate").data["comment"] == "a\ufffdb\ufffdc"
    assert_log_folds_to_rows(run)


def test_an_approved_step_lets_its_followers_run() -> None:
    run = start(GATE)
    finished(claimed(run), ASK)
    assert status_of(run) == "waiting"

    approve(str(run.pk), "gate", actor=OLIVIA)

    assert status_of(run) == "queued"
    finished(claimed(run))
    assert status_of(run) == "success"
    assert_log_folds_to_rows(run)


def test_a_rejected_step_ends_in_error_with_the_reason() -> None:
    run = start(GATE)
    finished(claimed(run), ASK)

    reject(str(run.pk), "gate", actor=OLIVIA, comment="not on a Friday")

    assert status_of(run) == "error"
    assert step_of(run, "gate").reason == "rejected by olivia: not on a Friday"
    (attempt,) = attempts_of(run, "gate")
    assert (attempt.outcome, attempt.error_class) == ("error", "permanent")
    assert_log_folds_to_rows(run)


@pytest.mark.parametrize(
    ("on_timeout", "status", "told"),
    [("approve", "success", True), ("reject", "error", True), ("succeed", "success", False)],
)
def test_a_deadline_decides_when_nobody_does(on_timeout: str, status: str, told: bool) -> None:
    run = start(GATE.replace(', message: "Go?"', ""))
    role = "" if on_timeout == "succeed" else "operator"
    finished(claimed(run), Suspended("timer" if not role else "approval", on_timeout, for_s=60.0, role=role))
    assert not expire(str(run.pk), "gate")
    let_deadlines_pass(run)

    assert expire(str(run.pk), "gate")

    assert statuses(run)["gate"] == status
    assert ("approval.expired" in kinds(run)) == told
    assert_log_folds_to_rows(run)


def test_a_timer_is_nobodys_to_approve() -> None:
    run = start(GATE)
    finished(claimed(run), Suspended("timer", "succeed", for_s=60.0))

    with pytest.raises(MoveRefused):
        approve(str(run.pk), "gate", actor=make_actor("admin"))


def test_a_worker_that_lost_its_lease_cannot_finish_the_step() -> None:
    run = start(ONE)
    slow = claimed(run, ALICE)
    let_leases_run_out(run)
    lose_lease(str(run.pk), "greet", number=slow.number)
    fast = claimed(run, BOB)

    late = finished(slow, Success({"who": "slow"}))
    in_time = finished(fast, Success({"who": "fast"}))

    assert (late.accepted, in_time.accepted) == (False, True)
    assert step_of(run, "greet").outputs == {"who": "fast"}
    rejected = event(run, "attempt.rejected", step="greet")
    assert (rejected.attempt, rejected.data) == (1, {"worker": "worker-a", "said": "success"})
    assert_log_folds_to_rows(run)


def test_a_worker_that_lost_its_lease_cannot_finish_while_the_step_is_queued_again() -> None:
    run = start(ONE)
    slow = claimed(run)
    let_leases_run_out(run)
    lose_lease(str(run.pk), "greet", number=slow.number)

    assert not finished(slow).accepted
    assert statuses(run) == {"greet": "queued"}


def test_a_late_result_of_an_earlier_life_of_the_run_is_refused() -> None:
    run = start(ONE)
    slow = claimed(run)
    request_cancel(str(run.pk), actor=OLIVIA)
    end_unresponsive(str(run.pk), grace_s=0.0)
    retry(str(run.pk), actor=OLIVIA)

    assert not finished(slow).accepted
    assert statuses(run) == {"greet": "pending"}
    assert_log_folds_to_rows(run)


def test_a_lease_is_renewed_until_it_is_lost() -> None:
    run = start(ONE)
    claim = claimed(run)
    assert renew(claim, lease_s=30.0)
    assert not lose_lease(str(run.pk), "greet", number=claim.number)

    let_leases_run_out(run)
    lose_lease(str(run.pk), "greet", number=claim.number)

    assert not renew(claim, lease_s=30.0)


def test_the_process_group_of_an_attempt_is_remembered() -> None:
    run = start(ONE)
    note_process_group(claimed(run), 4711)

    assert attempts_of(run, "greet")[0].process_group == 4711


def test_the_worker_that_finishes_a_step_gets_the_next_in_the_same_transaction() -> None:
    run = start(TWO)

    following = finish_attempt(claimed(run), Success({})).next

    assert following is not None
    assert (following.key, following.claimant) == ("second", ALICE)
    assert statuses(run) == {"first": "success", "second": "running"}


def test_the_worker_that_finishes_the_last_step_gets_the_first_of_finally() -> None:
    run = start(TIDY)

    following = finish_attempt(claimed(run), Success({})).next

    assert following is not None
    assert following.key == "sweep"


def test_a_join_waits_for_the_last_of_those_that_it_needs() -> None:
    run = start(JOIN)
    left, right = claimed(run), claimed(run)
    finished(right)
    assert statuses(run)["both"] == "pending"

    finished(left)

    assert statuses(run)["both"] == "queued"
    assert_log_folds_to_rows(run)


def test_a_short_backoff_keeps_the_slot_and_a_long_one_frees_it() -> None:
    short, long = start(ONE), start(ONE)

    finished(claimed(short), failure(ErrorClass.FAILED, "no", delay=4.0))
    finished(claimed(long), failure(ErrorClass.FAILED, "no", delay=60.0))

    assert (status_of(short), status_of(long)) == ("running", "waiting")


def test_a_backoff_that_is_over_queues_the_step_and_the_run() -> None:
    run = start(ONE)
    finished(claimed(run), LATER)
    assert not requeue_due(str(run.pk), "greet")
    let_time_pass(run)

    assert requeue_due(str(run.pk), "greet")

    assert (status_of(run), statuses(run)) == ("queued", {"greet": "queued"})
    again = claimed(run)
    assert (again.number, attempts_of(run, "greet")[1].cause) == (2, "retry")
    assert_log_folds_to_rows(run)
