"""`/healthz`, `/readyz` and `/metrics`: no login, and progress rather than processes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from runs.models import Attempt, Duty, Step, Worker
from tests.factories import make_run, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return Client()


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def sweep_ended(seconds: float | None = 1) -> None:
    Duty.objects.create(name="sweep", finished_at=None if seconds is None else ago(seconds))


def make_worker(
    *, name: str = "w1", slots: int = 1, seen: float = 1, answered: float | None = 1, full: float | None = None
) -> Worker:
    moments = {"seen_at": seen, "answered_at": answered, "full_at": full, "started_at": 400}
    known = {field: None if seconds is None else ago(seconds) for field, seconds in moments.items()}
    return Worker.objects.create(name=name, host="here", pid=1, slots=slots, **known)


def make_lease(*, seconds: float) -> None:
    step = Step.objects.get(run=make_run(status="running", steps={"greet": "running"}))
    expires = timezone.now() + timedelta(seconds=seconds)
    Attempt.objects.create(step=step, number=1, worker="w1", started_at=timezone.now(), lease_expires=expires)


def wrong(client: Client) -> dict[str, str]:
    """The checks that are not well, with what they say."""
    answer = client.get("/readyz")
    checks = answer.json()["checks"]
    found = {name: check["detail"] for name, check in checks.items() if not check["ok"]}
    assert answer.status_code == (503 if found else 200)
    assert answer.json()["ready"] is not bool(found)
    return found


def test_alive_asks_nothing_of_the_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"alive\n")


def test_ready_when_work_is_taken_and_swept(client: Client) -> None:
    sweep_ended()
    make_worker()
    assert wrong(client) == {}


@pytest.mark.parametrize(("seconds", "says"), [(14, ""), (16, "control process"), (None, "no sweep yet")])
def test_a_sweep_must_have_ended_lately(client: Client, seconds: float | None, says: str) -> None:
    sweep_ended(seconds)
    make_worker()
    assert says in wrong(client).get("sweep", "")
    assert bool(wrong(client)) is bool(says)


@pytest.mark.parametrize(
    ("worker", "is_ready", "reason"),
    [
        ({"answered": 29}, True, "answered in time"),
        ({"answered": 31}, False, "deaf"),
        ({"answered": None}, False, "has not answered yet"),
        ({"answered": 300}, False, "deaf, and its watchdog says that it is there"),
        ({"answered": 300, "full": 29}, True, "its slots were busy until just now"),
        ({"answered": 300, "full": 31}, False, "its slots were busy, and then it took nothing"),
        ({"answered": 61, "seen": 61}, False, "gone, and it was the only one"),
    ],
)
def test_a_worker_with_a_free_slot_must_answer(
    client: Client, worker: dict[str, Any], is_ready: bool, reason: str
) -> None:
    sweep_ended()
    make_worker(**worker)
    assert ("workers" not in wrong(client)) is is_ready, reason


@pytest.mark.parametrize(
    ("slots", "lease_s", "is_ready", "reason"),
    [
        (1, 30, True, "its only slot is busy under a live lease"),
        (1, -1, False, "the lease ran out: nobody works there"),
        (2, 30, False, "it has a free slot"),
    ],
)
def test_a_busy_worker_need_not_answer(client: Client, slots: int, lease_s: float, is_ready: bool, reason: str) -> None:
    sweep_ended()
    make_worker(slots=slots, answered=300)
    make_lease(seconds=lease_s)
    assert ("workers" not in wrong(client)) is is_ready, reason


def test_a_worker_that_is_gone_with_its_machine_does_not_hold_up_the_others(client: Client) -> None:
    sweep_ended()
    make_worker()
    make_worker(name="w2", seen=61, answered=61)
    assert wrong(client) == {}
    assert client.get("/readyz").json()["checks"]["workers"]["detail"] == "1 online; w2 sends no heartbeat"


def test_no_worker_is_not_ready(client: Client) -> None:
    sweep_ended()
    assert "no heartbeat" in wrong(client)["workers"]


def test_redis_that_is_away_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("runs.hints.redis_client", away)
    assert wrong(client)["redis"] == "Redis does not answer: ConnectionRefusedError"


def test_a_database_that_is_away_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise DatabaseError

    monkeypatch.setattr(connection, "cursor", away)
    assert wrong(client)["database"] == "PostgreSQL does not answer: DatabaseError"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_nothing_is_changed_by_asking(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


def test_metrics_count_runs_and_queued_steps(client: Client) -> None:
    start()
    make_run(status="error")
    text = client.get("/metrics").content.decode()
    for line in (
        'controlroom_runs{status="queued"} 1.0',
        'controlroom_runs{status="error"} 1.0',
        'controlroom_runs{status="success"} 0.0',
        'controlroom_lane_queued{lane="A"} 1.0',
        "controlroom_leases 0.0",
    ):
        assert line in text


@pytest.mark.parametrize(
    ("authorization", "status", "reason"),
    [
        ("Bearer right", 200, "the token"),
        ("bearer right", 200, "the scheme in any case"),
        ("Bearer wrong", 401, "another token"),
        ("Basic right", 401, "another scheme"),
        ("", 401, "none"),
    ],
)
def test_metrics_may_ask_for_a_token(
    client: Client, settings: Any, authorization: str, status: int, reason: str
) -> None:
    settings.CONTROLROOM_METRICS_TOKEN = "right"
    headers = {"Authorization": authorization} if authorization else {}
    assert client.get("/metrics", headers=headers).status_code == status, reason
