"""Each move of a run, tried from every status: it is made where the table says so, else nothing at all changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from pulser.engine.states import RunStatus
from pulser.language.catalogue import ErrorClass
from runs.accounts.actors import Actor
from runs.errors import Forbidden, MoveRefused, NotThere
from runs.models import Event, Run, Step
from runs.transitions import archive, request_cancel, retry, time_out, unarchive
from runs.transitions.outcomes import Success, Suspended, failure
from tests.factories import make_actor, make_run, start
from tests.runs.helpers import (
    ALICE,
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    drive,
    event,
    finished,
    kinds,
    let_deadlines_pass,
    status_of,
    statuses,
    step_of,
    take,
)
from tests.runs.transitions.plans import GATE, ONE, TIDY, TIMED, TWO

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
Verb = Callable[..., None]

STEP_IN = {
    "queued": "pending",
    "running": "running",
    "waiting": "waiting",
    "success": "success",
    "error": "error",
    "cancelled": "cancelled",
}
AFTER: dict[Verb, dict[str, str]] = {  # verb -> status -> what it leads to; every other status refuses
    request_cancel: {"queued": "cancelled", "running": "running", "waiting": "cancelled"},
    retry: {"error": "queued", "cancelled": "queued"},
    archive: {"success": "success", "error": "error", "cancelled": "cancelled"},
    unarchive: {},
}
CASES = [(verb, status) for verb in AFTER for status in RunStatus]


def _run_in(status: str, **fields: Any) -> Run:
    return make_run(status=status, source=ONE, steps={"greet": STEP_IN[status]}, **fields)


def _everything(run: Run) -> tuple[Any, ...]:
    return (
        Run.objects.filter(pk=run.pk).values().get(),
        list(Step.objects.filter(run=run).values()),
        list(Event.objects.filter(run=run).values()),
    )


@pytest.mark.parametrize(("verb", "status"), [case for case in CASES if case[1] in AFTER[case[0]]])
def test_a_move_is_made_where_the_status_allows_it(verb: Verb, status: str) -> None:
    run = _run_in(status)

    verb(str(run.pk), actor=OLIVIA)

    assert status_of(run) == AFTER[verb][status]
    assert Event.objects.filter(run=run, seq__gt=1).exists()


@pytest.mark.parametrize(("verb", "status"), [case for case in CASES if case[1] not in AFTER[case[0]]])
def test_a_move_is_refused_in_every_other_status_and_changes_nothing(verb: Verb, status: str) -> None:
    run = _run_in(status)
    before = _everything(run)

    with pytest.raises(MoveRefused):
        verb(str(run.pk), actor=OLIVIA)

    assert _everything(run) == before


@pytest.mark.parametrize("verb", AFTER)
@pytest.mark.parametrize("actor", [make_actor("viewer"), make_actor("")])
def test_who_may_not_act_changes_nothing(verb: Verb, actor: Actor) -> None:
    run = _run_in("error")
    before = _everything(run)

    with pytest.raises(Forbidden):
        verb(str(run.pk), actor=actor)

    assert _everything(run) == before


@pytest.mark.parametrize("verb", AFTER)
def test_a_run_that_is_not_there_is_not_there(verb: Verb) -> None:
    with pytest.raises(NotThere):
        verb(str(uuid4()), actor=OLIVIA)


@pytest.mark.parametrize("status", ["success", "error", "cancelled"])
def test_an_archived_run_can_be_brought_back_once(status: str) -> None:
    run = _run_in(status)
    archive(str(run.pk), actor=OLIVIA)
    unarchive(str(run.pk), actor=OLIVIA)

    with pytest.raises(MoveRefused):
        unarchive(str(run.pk), actor=OLIVIA)
    assert status_of(run) == status
    assert run.archived_at is None


def test_a_run_is_archived_once() -> None:
    run = _run_in("success")
    archive(str(run.pk), actor=OLIVIA)

    with pytest.raises(MoveRefused):
        archive(str(run.pk), actor=OLIVIA)
    assert kinds(run).count("run.archived") == 1


def test_a_retried_run_comes_back_from_the_archive() -> None:
    run = start(ONE)
    request_cancel(str(run.pk), actor=OLIVIA)
    archive(str(run.pk), actor=OLIVIA)

    retry(str(run.pk), actor=OLIVIA)

    assert status_of(run) == "queued"
    assert_log_folds_to_rows(run)


def test_an_idle_run_is_cancelled_at_once_with_all_its_steps() -> None:
    run = start(TIDY)

    request_cancel(str(run.pk), actor=OLIVIA)

    assert status_of(run) == "cancelled"
    assert set(statuses(run).values()) == {"cancelled"}
    assert_log_folds_to_rows(run)


def test_a_cancelled_run_runs_its_finally_steps_one_after_the_other() -> None:
    run = start(TIDY)
    work = claimed(run)

    request_cancel(str(run.pk), actor=OLIVIA)
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

    request_cancel(str(run.pk), actor=OLIVIA)
    request_cancel(str(run.pk), actor=OLIVIA)
    finished(sweep)

    assert statuses(run) == {"work": "success", "sweep": "success", "mop": "cancelled"}
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_third_cancel_is_refused() -> None:
    run = start(TIDY)
    claimed(run)
    request_cancel(str(run.pk), actor=OLIVIA)
    request_cancel(str(run.pk), actor=OLIVIA)

    with pytest.raises(MoveRefused):
        request_cancel(str(run.pk), actor=OLIVIA)


def test_a_cancel_while_a_person_is_asked_ends_the_run() -> None:
    run = drive(start(GATE))

    request_cancel(str(run.pk), actor=OLIVIA)

    assert status_of(run) == "cancelled"
    assert statuses(run) == {"gate": "cancelled", "deploy": "cancelled"}
    assert_log_folds_to_rows(run)


def test_a_retry_runs_what_failed_with_a_fresh_budget_and_the_old_fence() -> None:
    run = start(TWO)
    finished(claimed(run))
    finished(claimed(run), failure(ErrorClass.FAILED, "no"))

    retry(str(run.pk), actor=OLIVIA)
    again = claimed(run)

    assert (again.key, again.number, again.tries) == ("second", 2, 1)
    assert [attempt.cause for attempt in attempts_of(run, "second")] == ["first", "button"]
    assert_log_folds_to_rows(run)


def test_what_lies_between_an_end_and_a_retry_is_kept_as_rest() -> None:
    run = start(TWO)
    finished(claimed(run))
    finished(claimed(run), failure(ErrorClass.FAILED, "no"))
    Run.objects.filter(pk=run.pk).update(
        started_at=F("started_at") - timedelta(seconds=70), finished_at=F("finished_at") - timedelta(seconds=60)
    )

    retry(str(run.pk), actor=OLIVIA)

    run.refresh_from_db()
    assert 60 <= run.rested_s < 65
    assert run.started_at and run.counted_from == run.started_at + timedelta(seconds=run.rested_s)


def test_a_run_that_was_cancelled_before_it_started_has_not_rested() -> None:
    run = start(TWO)
    request_cancel(str(run.pk), actor=OLIVIA)

    retry(str(run.pk), actor=OLIVIA)

    run.refresh_from_db()
    assert (run.rested_s, run.counted_from) == (0, None)


def test_a_retry_from_an_earlier_step_runs_all_that_follows_it() -> None:
    run = start(TWO)
    finished(claimed(run), Success({"x": 1}))
    finished(claimed(run), failure(ErrorClass.FAILED, "no"))

    retry(str(run.pk), actor=OLIVIA, start="first")

    assert statuses(run) == {"first": "pending", "second": "pending"}
    assert step_of(run, "first").outputs is None
    finished(claimed(run))
    finished(claimed(run))
    assert status_of(run) == "success"
    assert_log_folds_to_rows(run)


def test_what_fails_while_the_run_is_being_cancelled_is_not_tried_again() -> None:
    run = start(ONE)
    claim = claimed(run)
    request_cancel(str(run.pk), actor=OLIVIA)

    finished(claim, failure(ErrorClass.TRANSIENT, "busy", delay=60.0))

    assert statuses(run) == {"greet": "error"}
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_what_would_ask_a_person_while_the_run_is_being_cancelled_asks_nobody() -> None:
    run = start(GATE)
    claim = claimed(run)
    request_cancel(str(run.pk), actor=OLIVIA)

    finished(claim, Suspended("approval", "reject", for_s=60.0, role="operator"))

    assert statuses(run) == {"gate": "cancelled", "deploy": "cancelled"}
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_finally_step_of_a_cancelled_run_is_tried_again_when_it_fails() -> None:
    run = start(TIDY)
    work = claimed(run)
    request_cancel(str(run.pk), actor=OLIVIA)
    finished(work)

    finished(claimed(run), failure(ErrorClass.TRANSIENT, "busy", delay=1.0))

    assert statuses(run)["sweep"] == "backoff"


def test_a_retry_from_a_step_that_the_run_has_not_is_not_there() -> None:
    run = _run_in("error")

    with pytest.raises(NotThere):
        retry(str(run.pk), actor=OLIVIA, start="deploy")


def test_a_plans_timeout_ends_the_run_and_leaves_time_for_finally() -> None:
    run = start(TIMED)
    work = claimed(run)
    let_deadlines_pass(run)

    assert time_out(str(run.pk))
    finished(work)
    finished(claimed(run))

    assert status_of(run) == "error"
    assert event(run, "run.failed").data["reason"] == "the plan's timeout was over"
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


def test_a_retried_run_has_its_plans_timeout_anew() -> None:
    run = start(TIMED)
    request_cancel(str(run.pk), actor=OLIVIA)
    retry(str(run.pk), actor=OLIVIA)
    finished(claimed(run))
    run.refresh_from_db()
    first = run.deadline_at
    request_cancel(str(run.pk), actor=OLIVIA)
    request_cancel(str(run.pk), actor=OLIVIA)

    retry(str(run.pk), actor=OLIVIA)
    claimed(run)

    run.refresh_from_db()
    assert first is not None
    assert run.deadline_at is not None
    assert run.deadline_at > first


def test_a_cancelled_run_keeps_its_five_minutes_when_it_starts_again_for_finally() -> None:
    tidy = "finally:\n  - {id: tidy, uses: shell, with: {run: 'true'}}\n"
    run = start(GATE.replace("steps:", "timeout: 5h\nsteps:") + tidy)
    finished(claimed(run), Suspended("approval", "reject", for_s=60.0, role="operator"))
    request_cancel(str(run.pk), actor=OLIVIA)
    run.refresh_from_db()
    soon = run.deadline_at

    take(run, ALICE)

    run.refresh_from_db()
    assert (run.status, run.deadline_at) == ("running", soon)
