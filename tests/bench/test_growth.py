"""What is asked all the time reads what is open or newest, and never all runs that there ever were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.fill import fill
from bench.record import Record
from controlroom.ops import health_data
from runs.execution.dispatch import free_slots
from runs.execution.sweep import sweep
from runs.models import Lane, Run
from runs.queries.inbox import questions
from runs.queries.lists import newest
from runs.queries.lists.board import board_runs, read_timeline, table_page
from runs.queries.lists.counts import by_status
from runs.queries.lists.expectations import expected_durations, forget
from runs.queries.lists.facets import FACETS, facet
from runs.queries.lists.filters import RunFilters
from runs.stream.versions import read_versions
from runs.transitions.claim import claim_any
from tests.factories import HELLO, make_actor, make_session
from tests.runs.helpers import ALICE, run_plan

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

STORED = 20_000
GROWING = ("runs_run", "runs_step", "runs_attempt", "runs_event", "runs_delivery")


def plans_of(statements: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of PostgreSQL's plan for each statement, with its values."""
    with connection.cursor() as cursor:
        cursor.execute("SET random_page_cost = 1.1")  # with few rows as well, an index is worth it where there is one
        for statement in statements:
            if statement["sql"].lstrip(" \n(").startswith(("SELECT", "WITH")):
                cursor.execute("EXPLAIN " + statement["sql"].replace("%", "%%"))
                yield from (line for (line,) in cursor.fetchall())


def whole_tables_read(statements: list[dict[str, Any]]) -> Iterator[str]:
    for line in plans_of(statements):
        yield from (line for table in GROWING if f"Seq Scan on {table} " in line)


def test_what_is_asked_all_the_time_reads_no_table_as_a_whole(record: Record) -> None:
    run = run_plan("")
    fill(record.connection, {str(run.pk): STORED})

    with CaptureQueriesContext(connection) as asked:
        sweep()
        claim_any(ALICE)
        free_slots()
        list(Lane.objects.with_load())
        list(board_runs(make_actor()))
        list(Run.objects.active().newest_first()[:51])
        read_versions([str(run.pk)], shown=[str(run.pk)])
        for name in health_data.RANGES:
            health_data.flow(name, now=timezone.now())
        health_data.queues()
        health_data.step_queue()
        list(questions(make_actor("operator")))

    assert list(whole_tables_read(asked.captured_queries)) == []


ASKED = [
    RunFilters(),
    RunFilters(archived=True),
    RunFilters(status=("error",)),
    RunFilters(status=("success",), environment=("prod",)),
    RunFilters(status=("queued", "waiting")),
    RunFilters(lane=("A", "B"), trigger=("cli",)),
    RunFilters(trigger=("cli",), environment=("prod",)),  # never come together
    RunFilters(plan=("hello",), within="24h"),
    RunFilters(trigger=("nobody",)),
    RunFilters(q="billing"),
    RunFilters(q="#4711"),
    RunFilters(q="nowhere to be found", environment=("dev",)),
    RunFilters(q="zz"),
]


def test_no_list_that_is_filtered_reads_a_table_as_a_whole(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "TITLES_READ", 1000)  # the rest is for the index of titles
    make_session("night")
    run = run_plan(HELLO.format(slug="hello"))
    fill(record.connection, {str(run.pk): STORED})
    viewer, now = make_actor("viewer"), timezone.now()

    with CaptureQueriesContext(connection) as asked:
        for filters in ASKED:
            list(board_runs(viewer, filters))
            first = table_page(viewer, filters)
            table_page(viewer, filters, after=first.next)
            read_timeline(viewer, filters, since=now - timedelta(hours=6), until=now)
            by_status(viewer, filters)
            for name in FACETS:
                facet(viewer, filters, name=name)
        forget()
        expected_durations([run.plan_version.plan_id])

    assert list(whole_tables_read(asked.captured_queries)) == []


@pytest.mark.parametrize("filters", [RunFilters(), RunFilters(trigger=("cli",))])
def test_a_time_line_finds_what_ended_in_its_time_by_an_index_alone(record: Record, filters: RunFilters) -> None:
    fill(record.connection, {str(run_plan(HELLO.format(slug="hello")).pk): STORED})
    now = timezone.now()

    with CaptureQueriesContext(connection) as asked:
        read_timeline(make_actor("viewer"), filters, since=now - timedelta(hours=24), until=now)

    lines = list(plans_of(asked.captured_queries))
    walks = [line for line in lines if " using run_ended " in line]
    assert len(walks) == Lane.objects.count()
    assert all("Index Only Scan Backward" in line for line in walks), lines
