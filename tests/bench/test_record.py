from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.record import Record
from tests.factories import start
from tests.runs.helpers import drive, run_plan

pytestmark = pytest.mark.django_db(transaction=True)

COUNTING = """
pulser: 1
slug: counting
steps:
  - {id: full, uses: python, with: {function: "controlroom.demo.functions:count", args: {path: "%s"}}}
  - {id: empty, uses: python, with: {function: "controlroom.demo.functions:count", args: {path: "%s/empty"}}}
"""
FAILING = """
pulser: 1
slug: failing
steps:
  - {id: no, uses: shell, with: {run: "exit 3"}, retry: {max_attempts: 1}}
"""


def test_a_run_is_timed_by_what_was_recorded_of_it(record: Record) -> None:
    run = run_plan("")

    (ended,) = record.ended([str(run.pk)])

    assert ended.id == str(run.pk)
    assert ended.duration == pytest.approx((run.finished_at - run.created_at).total_seconds(), abs=1e-5)


def test_runs_are_waited_for_until_the_last_has_ended(record: Record) -> None:
    first, second = run_plan(""), start("")

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(record.ended, [str(first.pk), str(second.pk)])
        drive(second)

        assert {run.id for run in found.result()} == {str(first.pk), str(second.pk)}


def test_a_run_that_ended_otherwise_ends_the_bench(record: Record) -> None:
    run = run_plan(FAILING)

    with pytest.raises(SystemExit, match="ended in error, not in success"):
        record.ended([str(run.pk)])


def test_outputs_come_in_plan_order(record: Record, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.txt").write_text("a line")

    run = run_plan(COUNTING % (tmp_path, tmp_path))

    assert [result["files"] for result in record.outputs(str(run.pk))] == [1, 0]
