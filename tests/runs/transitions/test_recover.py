"""What the sweeper does about a step whose worker is gone, and what a person may say about it."""

from __future__ import annotations

import pytest

from pulser.language.catalogue import ErrorClass
from runs.commands import approve, cancel, reject
from runs.models import Run, Step
from runs.transitions import continue_stranded, hand_back, lose_lease, requeue_due
from runs.transitions.outcomes import (
    failure,
)
from tests.factories import make_actor, start
from tests.runs.helpers import (
    BOB,
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    event,
    finished,
    kinds,
    let_leases_run_out,
    let_time_pass,
    status_of,
    statuses,
    step_of,
    take,
)
from tests.runs.transitions.plans import LAUNCH, ONE, TIDY

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
LATER = failure(ErrorClass.FAILED, "exit code 1", delay=60.0)


def test_three_lost_attempts_are_poison_and_a_person_decides() -> None:
    run = start(ONE)
    for number in (1, 2, 3):
        claimed(run)
        let_leases_run_out(run)
        lose_lease(str(run.pk), "greet", number=number)

    assert (status_of(run), statuses(run)) == ("waiting", {"greet": "waiting"})
    assert kinds(run, step="greet")[-3:] == ["step.lost", "step.parked", "approval.requested"]
    approve(str(run.pk), "greet", actor=OLIVIA)
    assert claimed(run).number == 4
    assert attempts_of(run, "greet")[3].cause == "approved"
    assert_log_folds_to_rows(run)


def test_a_step_whose_process_is_seen_to_have_ended_need_not_wait_for_its_lease() -> None:
    run = start(ONE)
    claimed(run)
    assert not lose_lease(str(run.pk), "greet", number=1)

    assert lose_lease(str(run.pk), "greet", number=1, how="process")

    assert statuses(run) == {"greet": "queued"}
    assert event(run, "step.lost", step="greet").data == {"worker": "worker-a", "how": "process"}
    assert attempts_of(run, "greet")[0].error_class == "lost"


def test_what_a_stopping_worker_hands_back_is_queued_and_does_not_count_as_a_try() -> None:
    run = start(ONE.replace('{run: "true"}', '{run: "true"}, retry: {max_attempts: 1}'))
    for number in range(1, 5):
        assert (claimed(run).number, claimed_tries(run)) == (number, 1)
        assert hand_back(str(run.pk), "greet", number=number)

    finished(claimed(run))

    assert [attempt.outcome for attempt in attempts_of(run, "greet")] == ["handed_back"] * 4 + ["success"]
    assert attempts_of(run, "greet")[4].cause == "handed_back"
    assert (status_of(run), run.retry_count, step_of(run, "greet").lost) == ("success", 4, 0)
    assert_log_folds_to_rows(run)


def claimed_tries(run: Run) -> int:
    step = step_of(run, "greet")
    return step.attempt - step.budget_from


def test_an_irreversible_step_that_is_handed_back_waits_for_a_person() -> None:
    run = start(LAUNCH)
    claimed(run)

    hand_back(str(run.pk), "launch", number=1)

    assert (status_of(run), statuses(run)) == ("waiting", {"launch": "waiting"})
    assert kinds(run, step="launch")[-3:] == ["step.handed_back", "step.parked", "approval.requested"]
    assert_log_folds_to_rows(run)


def test_a_step_of_a_cancelled_run_that_is_handed_back_is_over() -> None:
    run = start(ONE)
    claimed(run)
    cancel(str(run.pk), actor=OLIVIA)

    hand_back(str(run.pk), "greet", number=1)

    assert (status_of(run), statuses(run)) == ("cancelled", {"greet": "cancelled"})
    assert_log_folds_to_rows(run)


def test_who_lost_a_step_cannot_hand_it_back() -> None:
    run = start(ONE)
    claimed(run)
    let_leases_run_out(run)
    lose_lease(str(run.pk), "greet", number=1)
    claimed(run, BOB)

    assert not hand_back(str(run.pk), "greet", number=1)
    assert statuses(run) == {"greet": "running"}


def test_a_parked_step_that_a_person_gives_up_ends_in_error() -> None:
    run = start(LAUNCH)
    claimed(run)
    let_leases_run_out(run)
    lose_lease(str(run.pk), "launch", number=1)

    reject(str(run.pk), "launch", actor=OLIVIA)

    assert status_of(run) == "error"
    assert_log_folds_to_rows(run)


def test_an_irreversible_step_whose_worker_vanished_is_never_sent_again_by_machine() -> None:
    run = start(LAUNCH)
    claimed(run)
    let_leases_run_out(run)
    lose_lease(str(run.pk), "launch", number=1)

    assert statuses(run) == {"launch": "waiting"}
    assert take(run, BOB) is None
    assert attempts_of(run, "launch")[0].outcome == "lost"


def test_a_person_who_has_looked_lets_an_irreversible_step_run_again() -> None:
    run = start(LAUNCH)
    claimed(run)
    let_leases_run_out(run)
    lose_lease(str(run.pk), "launch", number=1)

    approve(str(run.pk), "launch", actor=OLIVIA, comment="nothing had happened")

    again = claimed(run)
    assert (again.number, attempts_of(run, "launch")[1].cause) == (2, "approved")
    finished(again)
    assert status_of(run) == "success"
    assert_log_folds_to_rows(run)


def test_a_lost_attempt_without_another_one_fails_the_step() -> None:
    run = start(ONE.replace('{run: "true"}', '{run: "true"}, retry: {max_attempts: 1}'))
    claimed(run)
    let_leases_run_out(run)

    lose_lease(str(run.pk), "greet", number=1)

    assert status_of(run) == "error"
    assert event(run, "step.failed", step="greet").data["error_class"] == "lost"
    assert_log_folds_to_rows(run)


def test_a_lost_finally_step_of_a_cancelled_run_gets_another_worker() -> None:
    run = start(TIDY)
    finished(claimed(run))
    claimed(run)
    cancel(str(run.pk), actor=OLIVIA)
    let_leases_run_out(run)

    lose_lease(str(run.pk), "sweep", number=1)

    assert statuses(run)["sweep"] == "queued"


def test_a_lost_step_of_a_cancelled_run_is_not_sent_again() -> None:
    run = start(ONE)
    claimed(run)
    cancel(str(run.pk), actor=OLIVIA)
    let_leases_run_out(run)

    lose_lease(str(run.pk), "greet", number=1)

    assert (status_of(run), statuses(run)) == ("cancelled", {"greet": "cancelled"})
    assert_log_folds_to_rows(run)


def test_a_run_of_which_nothing_is_under_way_is_reopened() -> None:
    run = start(TIDY)
    claimed(run)
    Step.objects.filter(run=run, key="work").update(status="success")

    assert continue_stranded(str(run.pk))
    assert statuses(run) == {"work": "success", "sweep": "queued", "mop": "pending"}


def test_a_run_with_work_under_way_is_left_alone() -> None:
    run = start(TIDY)
    claimed(run)

    assert not continue_stranded(str(run.pk))


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
