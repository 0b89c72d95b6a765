"""What a worker reports, and what it gets for it."""

from __future__ import annotations

import pytest

from pulser.language.catalogue import ErrorClass
from runs.commands import cancel, retry
from runs.transitions import end_unresponsive, lose_lease
from runs.transitions.outcomes import (
    Success,
    failure,
    finish_attempt,
)
from tests.factories import make_actor, start
from tests.runs.helpers import (
    ALICE,
    BOB,
    assert_log_folds_to_rows,
    claimed,
    event,
    finished,
    let_leases_run_out,
    status_of,
    statuses,
    step_of,
)
from tests.runs.transitions.plans import JOIN, ONE, TIDY, TWO

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()


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
    cancel(str(run.pk), actor=OLIVIA)
    end_unresponsive(str(run.pk), grace_s=0.0)
    retry(str(run.pk), actor=OLIVIA)

    assert not finished(slow).accepted
    assert statuses(run) == {"greet": "pending"}
    assert_log_folds_to_rows(run)


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
