"""Runs that are ended early: by a person, by their plan's timeout, or without their workers."""

from __future__ import annotations

import pytest

from pulser.language.catalogue import ErrorClass
from runs.commands import cancel
from runs.errors import MoveRefused
from runs.transitions import end_unresponsive, time_out
from runs.transitions.outcomes import Suspended, failure
from tests.factories import make_actor, start
from tests.runs.helpers import (
    ALICE,
    assert_log_folds_to_rows,
    claimed,
    drive,
    event,
    finished,
    kinds,
    let_deadlines_pass,
    status_of,
    statuses,
    take,
)
from tests.runs.transitions.plans import GATE, ONE, TIDY, TIMED

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()


def test_an_idle_run_is_cancelled_at_once_with_all_its_steps() -> None:
    run = start(TIDY)

    cancel(str(run.pk), actor=OLIVIA)

    assert status_of(run) == "cancelled"
    assert set(statuses(run).values()) == {"cancelled"}
    assert_log_folds_to_rows(run)


def test_a_cancelled_run_runs_its_finally_steps_one_after_the_other() -> None:
    run = start(TIDY)
    work = claimed(run)

    cancel(str(run.pk), actor=OLIVIA)
    finished(work)

    assert statuses(run) == {"work": "success", "sweep": "queued", "mop": "pending"}
    finished(claimed(run))
    finished(claimed(run))
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_second_cancel_skips_the_finally_steps() -> None:
    run = start(TIDY)
    finished(claimed(run))
    sweep = claimed(run)

    cancel(str(run.pk), actor=OLIVIA)
    cancel(str(run.pk), actor=OLIVIA)
    finished(sweep)

    assert statuses(run) == {"work": "success", "sweep": "success", "mop": "cancelled"}
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_third_cancel_is_refused() -> None:
    run = start(TIDY)
    claimed(run)
    cancel(str(run.pk), actor=OLIVIA)
    cancel(str(run.pk), actor=OLIVIA)

    with pytest.raises(MoveRefused):
        cancel(str(run.pk), actor=OLIVIA)


def test_a_cancel_while_a_person_is_asked_ends_the_run() -> None:
    run = drive(start(GATE))

    cancel(str(run.pk), actor=OLIVIA)

    assert status_of(run) == "cancelled"
    assert statuses(run) == {"gate": "cancelled", "deploy": "cancelled"}
    assert_log_folds_to_rows(run)


def test_what_fails_while_the_run_is_being_cancelled_is_not_tried_again() -> None:
    run = start(ONE)
    claim = claimed(run)
    cancel(str(run.pk), actor=OLIVIA)

    finished(claim, failure(ErrorClass.TRANSIENT, "busy", delay=60.0))

    assert statuses(run) == {"greet": "error"}
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_what_would_ask_a_person_while_the_run_is_being_cancelled_asks_nobody() -> None:
    run = start(GATE)
    claim = claimed(run)
    cancel(str(run.pk), actor=OLIVIA)

    finished(claim, Suspended("approval", "reject", for_s=60.0, role="operator"))

    assert statuses(run) == {"gate": "cancelled", "deploy": "cancelled"}
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_finally_step_of_a_cancelled_run_is_tried_again_when_it_fails() -> None:
    run = start(TIDY)
    work = claimed(run)
    cancel(str(run.pk), actor=OLIVIA)
    finished(work)

    finished(claimed(run), failure(ErrorClass.TRANSIENT, "busy", delay=1.0))

    assert statuses(run)["sweep"] == "backoff"


def test_a_cancelled_run_keeps_its_five_minutes_when_it_starts_again_for_finally() -> None:
    tidy = "finally:\n  - {id: tidy, uses: shell, with: {run: 'true'}}\n"
    run = start(GATE.replace("steps:", "timeout: 5h\nsteps:") + tidy)
    finished(claimed(run), Suspended("approval", "reject", for_s=60.0, role="operator"))
    cancel(str(run.pk), actor=OLIVIA)
    run.refresh_from_db()
    soon = run.deadline_at

    take(run, ALICE)

    run.refresh_from_db()
    assert (run.status, run.deadline_at) == ("running", soon)


def test_a_plans_timeout_ends_the_run_and_leaves_time_for_finally() -> None:
    run = start(TIMED)
    work = claimed(run)
    let_deadlines_pass(run)

    assert time_out(str(run.pk))
    finished(work)
    finished(claimed(run))

    assert status_of(run) == "error"
    assert event(run, "run.failed").data["reason"] == "the plan timed out"
    assert_log_folds_to_rows(run)


def test_a_timeout_that_is_not_over_ends_nothing() -> None:
    run = start(TIMED)
    claimed(run)

    assert not time_out(str(run.pk))
    assert "run.cancel_requested" not in kinds(run)


def test_finally_steps_that_take_too_long_are_ended_as_well() -> None:
    run = start(TIMED)
    finished(claimed(run))
    let_deadlines_pass(run)
    time_out(str(run.pk))
    let_deadlines_pass(run)

    assert time_out(str(run.pk))
    assert status_of(run) == "error"
    assert statuses(run) == {"work": "success", "tidy": "cancelled"}


def test_a_silent_worker_does_not_hold_up_a_cancelled_run() -> None:
    run = start(TIDY)
    work = claimed(run)
    cancel(str(run.pk), actor=OLIVIA)
    assert not end_unresponsive(str(run.pk), grace_s=30.0)

    assert end_unresponsive(str(run.pk), grace_s=0.0)

    assert statuses(run) == {"work": "cancelled", "sweep": "queued", "mop": "pending"}
    assert not finished(work).accepted
    assert_log_folds_to_rows(run)
