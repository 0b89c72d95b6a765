from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app

from controlroom.api.schemas import LanePage
from runs.execution.dispatch import QUEUE
from runs.models import Lane
from tests.controlroom.api.callers import Caller, problem_in
from tests.factories import make_lane, make_run


def test_lanes_come_in_the_order_of_the_board_with_their_load(viewer: Caller) -> None:
    make_run(status="running", lane="B")
    make_run(status="queued", lane="B")
    page = LanePage.model_validate(viewer.get("/lanes").json())
    assert [lane.name for lane in page.items] == ["A", "B", "C", "D"]
    assert (page.items[1].used, page.items[1].queued) == (1, 1)


def test_lanes_come_by_pages_too(viewer: Caller) -> None:
    first = viewer.get("/lanes", limit=3).json()
    second = viewer.get("/lanes", limit=3, cursor=first["next"]).json()
    assert [lane["name"] for lane in first["items"] + second["items"]] == ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("change", "limit", "paused"), [({"limit": 3}, 3, False), ({"paused": True}, 10, True), ({}, 10, False)]
)
def test_a_change_touches_only_what_it_names(operator: Caller, change: Any, limit: int, paused: bool) -> None:
    answer = operator.send("PATCH", "/lanes/A", change)
    lane = Lane.objects.get(name="A")
    assert answer.status_code == 200
    assert (answer.json()["limit"], answer.json()["paused"]) == (lane.limit, lane.paused) == (limit, paused)


@pytest.mark.parametrize(
    "change", [{"limit": 0}, {"limit": -1}, {"limit": "3"}, {"limit": 10**6}, {"paused": "yes"}, {"name": "Z"}, [1]]
)
def test_a_bad_change_changes_nothing(operator: Caller, change: Any) -> None:
    make_lane("A")
    problem_in(operator.send("PATCH", "/lanes/A", change), 422)
    assert (Lane.objects.get(name="A").limit, Lane.objects.get(name="A").paused) == (10, False)


def test_an_unknown_lane_answers_404(operator: Caller) -> None:
    problem_in(operator.send("PATCH", "/lanes/Z", {"limit": 1}), 404)


def test_a_viewer_changes_no_lane(viewer: Caller) -> None:
    problem_in(viewer.send("PATCH", "/lanes/A", {"paused": True}), 403)
    assert not Lane.objects.get(name="A").paused


@pytest.fixture
def woken() -> Iterator[Callable[[], str]]:
    """The messages that wait for workers, as text."""
    with current_app.pool.acquire(block=True) as broker:
        client = broker.default_channel.client
        client.delete(QUEUE)
        yield lambda: b"".join(client.lrange(QUEUE, 0, -1)).decode()
        client.delete(QUEUE)


@pytest.mark.parametrize("change", [{"limit": 3}, {"paused": False}])
def test_a_lane_that_takes_more_wakes_workers_at_once(operator: Caller, change: Any, woken: Callable[[], str]) -> None:
    run = make_run(status="queued", lane="B")
    assert woken() == ""

    operator.send("PATCH", "/lanes/B", change)

    assert str(run.pk) in woken()


@pytest.mark.parametrize("change", [{"paused": True}, {"limit": 1}])
def test_a_lane_without_a_free_slot_wakes_nobody(operator: Caller, change: Any, woken: Callable[[], str]) -> None:
    make_run(status="running", lane="B")
    make_run(status="queued", lane="B")

    operator.send("PATCH", "/lanes/B", change)

    assert woken() == ""


def test_a_whole_number_may_be_written_with_a_point(operator: Caller) -> None:
    assert operator.send("PATCH", "/lanes/A", '{"limit": 7.0}').json()["limit"] == 7
    problem_in(operator.send("PATCH", "/lanes/A", '{"limit": 7.5}'), 422)
