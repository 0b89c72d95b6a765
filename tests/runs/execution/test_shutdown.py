"""Ending a run early while a step is in a worker's hands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from runs.commands import cancel
from runs.execution.worker_loop import run_worker_loop
from runs.execution.workspace import workspace_of
from runs.models import Run
from runs.transitions import lose_lease, time_out
from tests.factories import make_actor, start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    drive,
    kinds,
    let_deadlines_pass,
    let_leases_run_out,
    status_of,
    statuses,
    wait_until,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quick_looks")]
OLIVIA = make_actor()
LONG = "touch begun; sleep 60"


@contextmanager
def _worker_on(run: Run) -> Iterator[None]:
    """A worker's thread performs the run: inside, the step has begun; afterwards, the worker is done."""

    def perform() -> None:
        try:
            run_worker_loop()
        finally:
            connections.close_all()

    thread = threading.Thread(target=perform)
    thread.start()
    wait_until((workspace_of(str(run.pk)) / "begun").exists)
    yield
    thread.join(60)
    assert not thread.is_alive()


def test_a_running_step_is_stopped_and_finally_runs() -> None:
    run = start(plan(shell("long", LONG), shell("after", "true", "long"), finals=(shell("tidy", "true"),)))

    with _worker_on(run):
        cancel(str(run.pk), actor=OLIVIA)

    assert status_of(run) == "cancelled"
    assert statuses(run) == {"long": "cancelled", "after": "cancelled", "tidy": "success"}
    assert attempts_of(run, "long")[0].outcome == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_running_finally_step_is_stopped_by_the_second_cancel() -> None:
    run = start(plan(shell("a", "true"), finals=(shell("tidy", LONG), shell("more", "true"))))

    with _worker_on(run):
        cancel(str(run.pk), actor=OLIVIA)
        assert statuses(run)["tidy"] == "running"
        cancel(str(run.pk), actor=OLIVIA)

    assert (status_of(run), statuses(run)) == ("cancelled", {"a": "success", "tidy": "cancelled", "more": "cancelled"})


def test_the_plans_timeout_stops_a_running_step() -> None:
    run = start(plan(shell("long", LONG), finals=(shell("alarm", "true", if_="failed()"),), timeout="1h"))

    with _worker_on(run):
        let_deadlines_pass(run)
        assert time_out(str(run.pk))

    assert (status_of(run), statuses(run)) == ("error", {"long": "cancelled", "alarm": "success"})
    assert run.reason == "the plan timed out"
    assert_log_folds_to_rows(run)


def test_a_worker_that_lost_its_lease_stops_and_is_refused() -> None:
    run = start(plan(shell("long", "if [ -e begun ]; then exit 0; fi; " + LONG)))

    with _worker_on(run):
        let_leases_run_out(run)
        assert lose_lease(str(run.pk), "long", number=1)

    assert "attempt.rejected" in kinds(run, step="long")
    assert attempts_of(run, "long")[0].outcome == "lost"
    assert drive(run).status == "success"
    assert_log_folds_to_rows(run)
