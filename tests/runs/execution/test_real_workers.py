"""Celery's own processes on committed data: they are killed, stopped and made to forget, and every run still ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection

from runs import hints
from runs.execution.workspace import workspace_of
from runs.models import Attempt, Duty, Run
from tests.factories import start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.execution.processes import Crew, Process, crew, has_ended
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    event,
    kinds,
    status_of,
    statuses,
    step_of,
    wait_until,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PATIENCE_S = 180.0  # for processes to come up on a machine that has other things to do
PICKED_UP_S = 60.0  # a lease of 30 s, the sweeper's round, and a message's way, on a busy machine
# The first attempt stays until it is ended, every later one is quick.
STAYS_ONCE = "test -e begun && exit 0; touch begun; sleep 300"


@pytest.fixture
def hired(tmp_path: Path) -> Iterator[Crew]:
    hints.redis_client().flushall()  # the messages of all tests before
    with crew(tmp_path) as hired:
        yield hired


def test_beat_is_no_process_of_its_own_and_goes_with_the_control_process(hired: Crew) -> None:
    control = hired.control()
    wait_until(lambda: _last_sweep() is not None, within_s=PATIENCE_S)
    first = _last_sweep()
    wait_until(lambda: _last_sweep() != first, within_s=PATIENCE_S)  # the first one may be that of the start
    assert not control.children

    control.send(signal.SIGTERM)

    assert control.popen.wait(PATIENCE_S) == 0


def _last_sweep() -> datetime | None:
    return Duty.objects.filter(name="sweep").values_list("finished_at", flat=True).first()


def test_the_control_process_ends_without_beat_so_that_both_are_started_anew(hired: Crew) -> None:
    control = hired.control("--scheduler", "tests.runs.execution.broken:Scheduler")

    wait_until(lambda: control.popen.poll() is not None, within_s=PATIENCE_S)

    assert "beat ended unexpectedly" in hired.log.read_text()


def test_a_pool_process_that_worked_gives_its_place_to_a_fresh_one(hired: Crew) -> None:
    worker, _ = hired.worker(slots=2), hired.control()
    wait_until(worker.is_registered, within_s=PATIENCE_S)
    run = start(plan(shell("a", "true")))
    _wait_for(run)
    worked = Attempt.objects.get(step__run=run).process
    assert worked in worker.children

    wait_until(lambda: has_ended(worked) and len(worker.children) == 2, within_s=PATIENCE_S)

    _wait_for(start(plan(shell("a", "true"))))
    assert worker.popen.poll() is None
    assert "exited with" not in hired.log.read_text()


def _wait_for(run: Run, status: str = "success") -> None:
    wait_until(lambda: status_of(run) == status, within_s=PATIENCE_S)


def test_runs_go_through_and_a_flushed_redis_costs_time_only(hired: Crew) -> None:
    worker, _ = hired.worker(slots=2), hired.control()
    wait_until(worker.is_registered, within_s=PATIENCE_S)
    run = start(plan(shell("a", "touch begun; until [ -e go ]; do sleep 0.05; done"), shell("b", "true", "a")))
    wait_until((workspace_of(str(run.pk)) / "begun").exists)
    late = start(plan(shell("a", "true")))

    hints.redis_client().flushall()
    (workspace_of(str(run.pk)) / "go").touch()
    after = start(plan(shell("a", "true")))

    for each in (run, late, after):
        _wait_for(each)
        assert_log_folds_to_rows(each)
    assert attempts_of(run, "a")[0].worker == worker.name


def test_a_python_function_that_takes_too_long_ends_with_its_process(hired: Crew) -> None:
    functions = "tests.pulser.tools.functions"
    worker, _ = hired.worker(CONTROLROOM_PYTHON_FUNCTIONS=f"{functions}:*"), hired.control()
    wait_until(worker.is_registered, within_s=PATIENCE_S)
    wait_until(lambda: worker.children)
    (before,) = worker.children
    sleep = {"id": "a", "uses": "python", "with": {"function": f"{functions}:sleep"}, "timeout": 1, "retry": ONCE}
    run = start(plan(sleep, finals=(shell("tidy", "true"),)))

    _wait_for(run, "error")

    (attempt,) = attempts_of(run, "a")
    assert (attempt.error_class, attempt.outcome) == ("timeout", "error")
    assert statuses(run) == {"a": "error", "tidy": "success"}
    assert before not in worker.children
    assert_log_folds_to_rows(run)


def test_steps_whose_workers_are_killed_or_stopped_go_to_others_and_late_words_are_refused(hired: Crew) -> None:
    crew = [hired.worker() for _ in range(3)]
    hired.control()
    wait_until(lambda: all(worker.is_registered() for worker in crew), within_s=PATIENCE_S)
    runs = [start(plan(shell("a", STAYS_ONCE), shell("b", "true", "a"), slug=f"drill-{n}")) for n in range(3)]
    wait_until(lambda: all((workspace_of(str(run.pk)) / "begun").exists() for run in runs), within_s=PATIENCE_S)
    by_name = {worker.name: worker for worker in crew}
    childless, killed, stopped = (by_name[attempts_of(run, "a")[0].worker] for run in runs)

    begun = _database_time()
    os.kill(childless.children[0], signal.SIGKILL)
    killed.send(signal.SIGKILL)
    stopped.send(signal.SIGSTOP)
    hired.worker(slots=2)

    for run in runs:
        _wait_for(run)
        assert (attempts_of(run, "a")[1].started_at - begun).total_seconds() < PICKED_UP_S
        assert [attempt.outcome for attempt in attempts_of(run, "a")] == ["lost", "success"]
        assert (run.retry_count, step_of(run, "a").lost) == (1, 1)
    _the_stopped_one_wakes_up_and_is_refused(runs[2], stopped)
    for run in runs:
        assert_log_folds_to_rows(run)


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def _the_stopped_one_wakes_up_and_is_refused(run: Run, worker: Process) -> None:
    assert "attempt.rejected" not in kinds(run)
    worker.send(signal.SIGCONT)
    wait_until(lambda: "attempt.rejected" in kinds(run))

    rejected = event(run, "attempt.rejected", step="a")
    assert (rejected.attempt, rejected.data["worker"]) == (1, worker.name)
    assert (status_of(run), statuses(run)) == ("success", {"a": "success", "b": "success"})
