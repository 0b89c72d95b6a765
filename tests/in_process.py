"""Fixtures for tests that perform steps in this process, on committed data; conftest files of the folders take them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

KEPT = {"runs_lane", "runs_session", "django_content_type", "auth_permission"}  # migrations made them for every test
RESTORED = """
DELETE FROM runs_lane WHERE name NOT IN ('A', 'B', 'C', 'D'); UPDATE runs_lane
SET "limit" = 10, paused = false, paused_reason = '', paused_by = '', paused_at = NULL;
DELETE FROM runs_session WHERE name <> 'default'; UPDATE runs_session SET archived_at = NULL
"""
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"


@pytest.fixture(scope="session", autouse=True)
def delete_instead_of_truncate() -> Iterator[None]:
    """After a test on committed data its rows are deleted: to truncate every table takes many times as long.

    What the migrations made stays, so the order of tests does not matter.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", _delete_rows)
        yield


def _delete_rows(_case: TransactionTestCase) -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} - KEPT
    statements = "; ".join(f'DELETE FROM "{table}"' for table in sorted(tables))
    with transaction.atomic(), connection.cursor() as cursor:  # foreign keys are looked at last: any order will do
        cursor.execute(f"{statements}; {RESTORED}")


@pytest.fixture(scope="session")
def asked_to_end() -> Iterator[list[str]]:
    """What the heartbeat would have ended this process for. It would take the tests that come after with it."""
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runs.execution.pool_process.end_this_process", lambda: asked.append("the heartbeat"))
        yield asked


@pytest.fixture(autouse=True)
def this_process_goes_on(asked_to_end: list[str]) -> Iterator[None]:
    asked_to_end.clear()
    yield
    assert asked_to_end == [], "a step performed in this process was to be ended with it: was it slower than its lease?"


@pytest.fixture(scope="session", autouse=True)
def end_connections_of_other_threads(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The heartbeat's thread lives as long as its process: its connection would keep the test database alive."""
    yield
    with django_db_blocker.unblock():
        if not connection.settings_dict["NAME"].startswith("test_"):
            return  # no test asked for a database
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            cursor.execute(OTHERS, cursor.fetchone())
