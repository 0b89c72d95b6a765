"""What is asked all the time reads what is open or newest, and never all runs that there ever were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.fill import fill
from bench.record import Record
from runs.execution.dispatch import free_slots
from runs.execution.sweep import sweep
from runs.live import frames
from runs.live.shown import board_runs
from runs.models import Lane, Run
from runs.transitions.claiming import take
from tests.factories import make_actor
from tests.runs.helpers import ALICE, run_plan

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

STORED = 20_000
GROWING = ("runs_run", "runs_step", "runs_attempt", "runs_event", "runs_delivery")


def whole_tables_read(statements: list[dict[str, Any]]) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("SET random_page_cost = 1.1")  # with few rows as well, an index is worth it where there is one
        for statement in statements:
            if not statement["sql"].lstrip(" \n(").startswith(("SELECT", "WITH")):
                continue
            cursor.execute("EXPLAIN " + statement["sql"].replace("%", "%%"))
            lines = [line for (line,) in cursor.fetchall()]
            yield from (line for line in lines for table in GROWING if f"Seq Scan on {table} " in line)


def test_what_is_asked_all_the_time_reads_no_table_as_a_whole(record: Record) -> None:
    run = run_plan("")
    fill(record.connection, {str(run.pk): STORED})

    with CaptureQueriesContext(connection) as asked:
        sweep()
        take(ALICE)
        free_slots()
        list(Lane.objects.with_load())
        list(board_runs(make_actor()))
        list(Run.objects.active().newest_first()[:51])
        frames.look([str(run.pk)], shown=[str(run.pk)])

    assert list(whole_tables_read(asked.captured_queries)) == []
