from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError
from django.utils import timezone

from runs import tasks
from runs.execution import dispatch
from runs.execution.dispatch import QUEUE, wake
from runs.execution.worker_loop import run_worker_loop
from runs.models import Worker
from tests.factories import make_lane, start
from tests.runs.helpers import status_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def broker(celery_sent: list[str]) -> Iterator[Any]:
    """The queue itself, empty before and after."""
    with current_app.producer_pool.acquire() as producer:
        yield producer.channel.client
        producer.channel.client.delete(QUEUE)


@pytest.fixture
def in_a_burst(monkeypatch: pytest.MonkeyPatch, celery_sent: list[str]) -> None:
    """This process has just woken somebody."""
    monkeypatch.setattr(dispatch, "DISPATCH_PAUSE_S", 3600.0)
    wake("01900000-0000-7000-8000-000000000000")
    celery_sent.clear()


def worker(*, slots: int) -> None:
    now = timezone.now()
    Worker.objects.create(name="w", host="h", pid=1, slots=slots, started_at=now, seen_at=now)


def test_a_start_wakes_one_worker(celery_sent: list[str], django_capture_on_commit_callbacks: Any) -> None:
    worker(slots=4)
    with django_capture_on_commit_callbacks(execute=True):
        run = start()
    assert celery_sent == [str(run.pk)]


@pytest.mark.usefixtures("in_a_burst")
def test_no_message_is_added_while_one_waits_for_each_slot(
    monkeypatch: pytest.MonkeyPatch, celery_sent: list[str], broker: Any
) -> None:
    worker(slots=2)
    monkeypatch.setattr(dispatch._slot_cache, "read_at", -dispatch.KNOWN_FOR_S)  # it has come just now
    broker.lpush(QUEUE, "one")
    assert wake("01900000-0000-7000-8000-000000000000") == 1

    broker.lpush(QUEUE, "two")
    assert wake("01900000-0000-7000-8000-000000000000") == 0


def test_after_a_pause_a_message_is_sent_without_a_look(broker: Any) -> None:
    for _ in range(5):
        broker.lpush(QUEUE, "left over")
    assert wake("01900000-0000-7000-8000-000000000000") == 1


@pytest.mark.usefixtures("in_a_burst")
def test_without_a_known_worker_one_message_waits_for_the_first_that_comes(broker: Any) -> None:
    assert wake("01900000-0000-7000-8000-000000000000") == 1
    broker.lpush(QUEUE, "one")
    assert wake("01900000-0000-7000-8000-000000000000") == 0


def test_a_free_worker_does_all_that_is_queued() -> None:
    runs = [start(), start(lane=make_lane("B")), start()]

    run_worker_loop()

    assert [status_of(run) for run in runs] == ["success"] * 3


def test_a_message_about_a_run_that_is_gone_is_spent_on_others() -> None:
    run = start()

    tasks.wake("01900000-0000-7000-8000-000000000000")

    assert status_of(run) == "success"


def test_lanes_take_turns_by_the_age_of_their_next_runs() -> None:
    flood, other = make_lane("A", limit=100), make_lane("B", limit=100)
    first = [start(lane=flood, title=f"flood {n}") for n in range(2)]
    urgent = start(lane=other, title="other")
    later = start(lane=flood, title="flood late")

    run_worker_loop()

    for run in (*first, urgent, later):
        run.refresh_from_db()
    assert first[1].started_at < urgent.started_at < later.started_at


def test_a_task_that_finds_no_database_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_given: object, **_named: object) -> None:
        raise OperationalError("server closed the connection unexpectedly\n\tThis probably means ...")

    monkeypatch.setattr("runs.transitions.claim.rows", gone)
    monkeypatch.setattr("runs.execution.sweep.rows", gone)
    monkeypatch.setattr(tasks.connections, "close_all", lambda: None)  # the test's own is among them

    tasks.wake("01900000-0000-7000-8000-000000000000")
    tasks.probe()
    tasks.sweep()

    said = [record for record in caplog.records if record.name == "runs.tasks"]
    assert [record.getMessage() for record in said] == [
        "database unavailable: server closed the connection unexpectedly"
    ] * 3
    assert not any(record.exc_info for record in said)


def test_a_wake_that_finds_no_database_leaves_it_to_the_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> int:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(dispatch, "_slots", gone)
    assert wake("01900000-0000-7000-8000-000000000000") == 0
