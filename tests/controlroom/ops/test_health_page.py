from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from redis.exceptions import ConnectionError as Unreachable

from controlroom.ops import health_data
from runs import hints
from runs.models import Attempt, Lane, Run
from tests.factories import make_lane, make_run, make_user, make_worker

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)


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
    assert "no heartbeat" in viewer.get("/health").content.decode()


def test_without_workers_it_says_how_to_start_one(viewer: Client) -> None:
    assert "celery -A controlroom worker" in viewer.get("/health").content.decode()


def test_the_queue_shows_the_longest_wait_of_each_lane(viewer: Client) -> None:
    run = make_run(lane=make_lane("B"))
    Run.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(days=3))
    lane = next(lane for lane in health_data.queues() if lane.name == "B")
    assert lane.queued == 1
    assert lane.oldest_s is not None and 259_200 <= lane.oldest_s < 259_800
    assert "3 d 0 h" in viewer.get("/health").content.decode()


def test_a_paused_lane_says_why_in_words(viewer: Client) -> None:
    lane = make_lane("B")
    Lane.objects.filter(pk=lane.pk).update(paused=True, paused_reason="the <warehouse> moves")
    assert '<td class="soft" colspan="4">the &lt;warehouse&gt; moves</td>' in viewer.get("/health").content.decode()


def make_ended(at: datetime, *, status: str = "success") -> None:
    run = make_run(status=status)
    started = at - timedelta(seconds=5)
    Run.objects.filter(pk=run.pk).update(created_at=started - timedelta(seconds=2), started_at=started, finished_at=at)


def test_what_ended_is_counted_in_its_bucket() -> None:
    for status, ago in (("success", 10), ("success", 10), ("error", 200), ("success", 7200)):
        make_ended(NOW - timedelta(seconds=ago), status=status)
    buckets = health_data.flow("1h", now=NOW).buckets
    assert (buckets[-1].success, buckets[-4].error, sum(bucket.success for bucket in buckets)) == (2, 1, 2)
    assert buckets[-1].wait == pytest.approx((2, 2))
    assert buckets[-1].took == pytest.approx((5, 5))


def test_what_lies_between_an_end_and_a_retry_is_no_duration() -> None:
    make_ended(NOW - timedelta(seconds=10))
    Run.objects.update(rested_s=4)
    assert health_data.flow("1h", now=NOW).buckets[-1].took == pytest.approx((1, 1))


def test_a_minute_that_is_over_looks_the_same_whenever_one_looks() -> None:
    for second in (0, 59):
        make_ended(datetime(2026, 11, 21, 11, 40, second, tzinfo=UTC))
    looks = [health_data.flow("1h", now=NOW + timedelta(seconds=later)) for later in (0, 5, 29)]
    assert [look.start for look in looks] == [datetime(2026, 11, 21, 11, 1, tzinfo=UTC)] * 3
    assert [[bucket.success for bucket in look.buckets].index(2) for look in looks] == [39] * 3


@pytest.mark.parametrize(("name", "first"), [("6h", (6, 5)), ("24h", (-12, 15))])
def test_wider_buckets_begin_where_the_clock_does(name: str, first: tuple[int, int]) -> None:
    flow = health_data.flow(name, now=NOW)
    day = datetime(2026, 11, 21, tzinfo=UTC)
    assert flow.start == day + timedelta(hours=first[0], minutes=first[1])
    assert len(flow.buckets) * flow.width_s == health_data.RANGES[name][0]


def test_a_range_that_is_none_is_an_hour(viewer: Client) -> None:
    assert viewer.get("/health?range=%00century").status_code == 200


def test_it_is_there_while_redis_is_not(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise Unreachable

    monkeypatch.setattr(hints.redis_client(), "info", refuse)
    monkeypatch.setattr(hints.redis_client(), "ping", refuse)
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
