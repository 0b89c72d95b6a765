"""Bulk work by a real worker that is killed in the middle: it goes on, and nothing is done twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs import hints
from runs.bulk.selection import start_for_ticked
from runs.models import Event, Run
from tests.factories import make_actor, make_lane, make_run, make_session
from tests.runs.execution.processes import Crew, crew
from tests.runs.helpers import assert_log_folds_to_rows, attempts_of, status_of, step_of, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PATIENCE_S = 180.0
RUNS = 300


@pytest.fixture
def hired(tmp_path: Path) -> Iterator[Crew]:
    hints.redis_client().flushall()  # the messages of all tests before
    with crew(tmp_path) as hired:
        yield hired


def test_bulk_work_outlives_its_worker_and_archives_each_run_once(hired: Crew) -> None:
    make_lane("A"), make_session()
    runs = [make_run(status="success") for _ in range(RUNS)]
    bulk = start_for_ticked(make_actor(), "archive", runs=[str(run.pk) for run in runs])
    worker = hired.worker()
    hired.control()
    wait_until(lambda: 0 < archived() < RUNS, within_s=PATIENCE_S)

    os.kill(attempts_of(bulk, "work")[0].process, signal.SIGKILL)

    wait_until(lambda: status_of(bulk) == "success", within_s=PATIENCE_S)
    result = step_of(bulk, "work").outputs["result"]
    assert (result["done"] + result["already"], result["skipped_in_all"], archived()) == (RUNS, 0, RUNS)
    assert Event.objects.filter(kind="run.archived").count() == RUNS
    assert len(attempts_of(bulk, "work")) == 2
    assert_log_folds_to_rows(bulk)
    assert worker.popen.poll() is None


def archived() -> int:
    return Run.objects.filter(archived_at__isnull=False).count()
