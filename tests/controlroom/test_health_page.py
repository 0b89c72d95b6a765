from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from redis.exceptions import ConnectionError as Unreachable

from controlroom import vitals
from runs import hints
from runs.models import Attempt, Run
from tests.factories import make_lane, make_run, make_user, make_worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    client = Client()
    client.force_login(make_user("viewer"))
    return client


def test_who_has_no_role_does_not_see_it() -> None:
    client = Client()
    client.force_login(make_user(""))
    assert client.get("/health").status_code == 403


def test_who_has_not_signed_in_is_led_to_the_door(client: Client) -> None:
    assert client.get("/health").headers["Location"].startswith("/login")


def test_a_worker_is_shown_with_what_it_does(viewer: Client) -> None:
    make_worker()
    run = make_run(title="Nightly", status="running", steps={"greet": "running"})
    soon = timezone.now() + timedelta(seconds=30)
    Attempt.objects.filter(step__run=run).delete()
    Attempt.objects.create(step=run.steps.get(), number=1, worker="w1", lease_expires=soon, started_at=timezone.now())
    html = viewer.get("/health").content.decode()
    assert "1 of 2" in html
    assert f'href="/runs/{run.pk}#step-greet"' in html


def test_a_worker_that_is_silent_is_said_to_be_gone(viewer: Client) -> None:
    make_worker(seen_ago_s=120)
    assert "not heard of any more" in viewer.get("/health").content.decode()


def test_without_workers_it_says_how_to_start_one(viewer: Client) -> None:
    assert "celery -A controlroom worker" in viewer.get("/health").content.decode()


def test_the_queue_shows_the_longest_wait_of_each_lane(viewer: Client) -> None:
    run = make_run(lane=make_lane("B"))
    Run.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(minutes=3))
    lane = next(lane for lane in vitals.queues() if lane.name == "B")
    assert (lane.queued, round(lane.oldest_s)) == (1, 180)
    assert "3 m 00 s" in viewer.get("/health").content.decode()


def test_what_ended_is_counted_in_its_bucket() -> None:
    now = timezone.now()
    for status, ago in (("success", 30), ("success", 30), ("error", 200), ("success", 7200)):
        run = make_run(status=status)
        started = now - timedelta(seconds=ago + 5)
        Run.objects.filter(pk=run.pk).update(
            created_at=started - timedelta(seconds=2), started_at=started, finished_at=now - timedelta(seconds=ago)
        )
    buckets = vitals.flow("1h").buckets
    assert (buckets[-1].success, buckets[-4].error, sum(bucket.success for bucket in buckets)) == (2, 1, 2)
    assert buckets[-1].wait == pytest.approx((2, 2))
    assert buckets[-1].took == pytest.approx((5, 5))


def test_a_range_that_is_none_is_an_hour(viewer: Client) -> None:
    assert viewer.get("/health?range=%00century").status_code == 200


def test_it_is_there_while_redis_is_not(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise Unreachable

    monkeypatch.setattr(hints.client(), "info", refuse)
    monkeypatch.setattr(hints.client(), "ping", refuse)
    html = viewer.get("/health").content.decode()
    assert "does not answer: ConnectionError" in html


def test_its_queries_do_not_grow_with_what_is_shown(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        make_worker(f"w{number}")
        make_run(lane=make_lane(f"lane {number}"))
    with django_assert_max_num_queries(16):
        viewer.get("/health")
