"""Stored runs are as real as those that the control room did."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from bench.fill import fill
from bench.record import Record
from runs.models import Attempt, Delivery, Event, Hook, Lane, Run, Step
from tests.factories import make_plan, make_session
from tests.runs.helpers import assert_log_folds_to_rows, run_plan

pytestmark = pytest.mark.django_db(transaction=True)

TWO_STEPS = """
pulser: 1
slug: original
steps:
  - {id: first, uses: shell, with: {run: "true"}}
  - {id: second, needs: [first], uses: shell, with: {run: "%s"}, retry: {max_attempts: 1}}
"""
UNBOUND = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype = 'f' AND conrelid::regclass::text LIKE 'runs\\_%'
"""


@pytest.fixture
def writer(record: Record) -> psycopg.Connection:
    return record.connection


def original(command: str = "true") -> Run:
    run = run_plan(TWO_STEPS % command)
    hook = Hook.objects.create(slug="door", plan=make_plan().plan)
    Delivery.objects.create(hook=hook, run=run, body=b"{}", status=202)
    return run


def copies(run: Run) -> list[Run]:
    return list(Run.objects.exclude(pk=run.pk).order_by("created_at"))


@pytest.mark.parametrize(("command", "status"), [("true", "success"), ("exit 3", "error")])
def test_a_stored_run_folds_to_its_rows(writer: psycopg.Connection, command: str, status: str) -> None:
    run = original(command)

    fill(writer, {str(run.pk): 3})

    assert [copy.status for copy in copies(run)] == [status] * 3
    for copy in copies(run):
        assert_log_folds_to_rows(copy)


def test_everything_that_belongs_to_the_run_is_copied(writer: psycopg.Connection) -> None:
    run = original()

    fill(writer, {str(run.pk): 5})

    for model, path in ((Step, "run"), (Attempt, "step__run"), (Event, "run"), (Delivery, "run")):
        numbers = {model.objects.filter(**{path: each}).count() for each in [run, *copies(run)]}
        assert len(numbers) == 1 and numbers != {0}


def test_stored_runs_are_spread_over_days_and_lanes(writer: psycopg.Connection) -> None:
    run = original()

    fill(writer, {str(run.pk): 90})

    days = [(run.created_at - copy.created_at).days for copy in copies(run)]
    assert days == list(range(90, 0, -1))
    assert {copy.lane_id for copy in copies(run)} == set(Lane.objects.values_list("pk", flat=True))


def test_stored_runs_differ_in_what_lists_are_narrowed_to(writer: psycopg.Connection) -> None:
    run = original()
    for name in ("day", "night"):
        make_session(name)

    fill(writer, {str(run.pk): 200})

    for column, least in (("session_id", 3), ("environment", 3), ("trigger", 5), ("title", 200)):
        assert Run.objects.exclude(pk=run.pk).values(column).order_by().distinct().count() == least
    assert not Run.objects.filter(trigger="cli").exclude(environment="dev").exists()


def test_a_column_can_be_kept_and_the_days_be_few(writer: psycopg.Connection) -> None:
    run = original()

    fill(writer, {str(run.pk): 20}, days=1 / 24, kept=("lane_id",))

    assert {copy.lane_id for copy in copies(run)} == {run.lane_id}
    assert run.created_at - copies(run)[0].created_at <= timedelta(hours=1)


def test_stored_rows_point_at_rows_that_are_there(writer: psycopg.Connection) -> None:
    """Foreign keys are off while they are written: here they are looked at anew."""
    run = original()

    fill(writer, {str(run.pk): 3})

    with connection.cursor() as cursor:
        cursor.execute(UNBOUND)
        unbound = cursor.fetchall()
        assert unbound
        for table, name in unbound:
            definition = _definition(cursor, name)
            cursor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT again {definition}; ALTER TABLE {table} DROP CONSTRAINT again"
            )


def _definition(cursor: CursorWrapper, name: str) -> str:
    cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name])
    return cursor.fetchone()[0]


def test_the_next_step_gets_an_id_of_its_own(writer: psycopg.Connection) -> None:
    run = original()

    fill(writer, {str(run.pk): 3})
    following = run_plan(TWO_STEPS % "true")

    assert min(following.steps.values_list("pk", flat=True)) > max(
        Step.objects.exclude(run=following).values_list("pk", flat=True)
    )
