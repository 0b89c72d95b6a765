"""Runs that run again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from pulser.language.catalogue import ErrorClass
from runs.commands import archive, cancel, retry
from runs.errors import NotFound
from runs.models import Run
from runs.transitions.outcomes import Success, failure
from tests.factories import make_actor, make_run, start
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    finished,
    status_of,
    statuses,
    step_of,
)
from tests.runs.transitions.plans import ONE, TIMED, TWO

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
STEP_IN = {
    "queued": "pending",
    "running": "running",
    "waiting": "waiting",
    "success": "success",
    "error": "error",
    "cancelled": "cancelled",
}


def _run_in(status: str, **fields: Any) -> Run:
    return make_run(status=status, source=ONE, steps={"greet": STEP_IN[status]}, **fields)


def test_a_retried_run_comes_back_from_the_archive() -> None:
    run = start(ONE)
    cancel(str(run.pk), actor=OLIVIA)
    archive(str(run.pk), actor=OLIVIA)

    retry(str(run.pk), actor=OLIVIA)

    assert status_of(run) == "queued"
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
    cancel(str(run.pk), actor=OLIVIA)

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


def test_a_retry_from_a_step_that_the_run_has_not_is_not_there() -> None:
    run = _run_in("error")

    with pytest.raises(NotFound):
        retry(str(run.pk), actor=OLIVIA, start="deploy")


def test_a_retried_run_has_its_plans_timeout_anew() -> None:
    run = start(TIMED)
    cancel(str(run.pk), actor=OLIVIA)
    retry(str(run.pk), actor=OLIVIA)
    finished(claimed(run))
    run.refresh_from_db()
    first = run.deadline_at
    cancel(str(run.pk), actor=OLIVIA)
    cancel(str(run.pk), actor=OLIVIA)

    retry(str(run.pk), actor=OLIVIA)
    claimed(run)

    run.refresh_from_db()
    assert first is not None
    assert run.deadline_at is not None
    assert run.deadline_at > first
