from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from controlroom.api.schemas import EventPage
from runs.models import Run
from tests.controlroom.api.callers import API, Caller, problem_in
from tests.factories import make_run, make_token, say, start


def test_events_come_in_their_order_with_all_their_fields(viewer: Caller) -> None:
    run = start()
    say(run, "run.started", lane="A", again=False)
    page = viewer.get(f"/runs/{run.pk}/events").json()
    assert [(event["seq"], event["kind"]) for event in page["items"]] == [(1, "run.queued"), (2, "run.started")]
    assert list(page["items"][0]) == ["run", "seq", "kind", "step", "attempt", "data", "at"]
    EventPage.model_validate(page)


def test_next_is_the_after_of_the_next_page(viewer: Caller) -> None:
    run = start()
    for _ in range(3):
        say(run, "run.started")
    first = viewer.get(f"/runs/{run.pk}/events", limit=3).json()
    second = viewer.get(f"/runs/{run.pk}/events", limit=3, after=first["next"]).json()
    assert [event["seq"] for event in first["items"] + second["items"]] == [1, 2, 3, 4]
    assert (first["next"], second["next"]) == ("3", None)


def test_after_the_last_event_there_is_nothing(viewer: Caller) -> None:
    assert viewer.get(f"/runs/{start().pk}/events", after=1).json() == {"items": [], "next": None}


@pytest.mark.parametrize("query", [{"after": -1}, {"after": "x"}, {"after": 2**31}, {"limit": 0}, {"limit": 201}])
def test_a_place_that_is_none_is_refused(viewer: Caller, query: dict[str, Any]) -> None:
    problem_in(viewer.get(f"/runs/{start().pk}/events", **query), 422)


@pytest.mark.django_db(transaction=True)
class TestStream:
    async def lines(self, run: Run, secret: str, **headers: str) -> list[str]:
        headers = {"Authorization": f"Bearer {secret}", **headers}
        answer = await AsyncClient().get(f"{API}/runs/{run.pk}/events/stream", headers=headers)
        assert answer.headers["Content-Type"] == "text/event-stream"
        return b"".join([piece async for piece in answer.streaming_content]).decode().splitlines()

    @pytest.fixture
    async def ended(self, transactional_db: None) -> AsyncIterator[tuple[Run, str]]:
        yield await sync_to_async(self.make)()
        await sync_to_async(connections.close_all)()  # those of the thread that asynchronous calls share

    def make(self) -> tuple[Run, str]:
        run = make_run(status="success")
        say(run, "run.succeeded", result={})
        return run, make_token("viewer")

    async def test_the_stream_of_an_ended_run_tells_all_and_ends(self, ended: tuple[Run, str]) -> None:
        lines = await self.lines(*ended)
        assert [line for line in lines if line.startswith("id:")] == ["id: 1", "id: 2"]

    async def test_a_client_that_comes_back_gets_what_it_lacks(self, ended: tuple[Run, str]) -> None:
        lines = await self.lines(*ended, **{"Last-Event-ID": "1"})
        assert [line for line in lines if line.startswith("id:")] == ["id: 2"]

    async def test_strangers_get_no_stream(self, ended: tuple[Run, str]) -> None:
        for run_id in (ended[0].pk, "none"):
            path = f"{API}/runs/{run_id}/events/stream"
            assert problem_in(await AsyncClient().get(path), 401)["instance"] == path

    async def test_a_place_that_is_none_is_refused_beside_a_good_one(self, ended: tuple[Run, str]) -> None:
        headers = {"Authorization": f"Bearer {ended[1]}", "Last-Event-ID": "1"}
        path = f"{API}/runs/{ended[0].pk}/events/stream?after=true"
        problem_in(await AsyncClient().get(path, headers=headers), 422)

    async def test_a_run_that_is_not_there_has_no_stream(self, ended: tuple[Run, str]) -> None:
        headers = {"Authorization": f"Bearer {ended[1]}"}
        for run_id in ("none", "0" * 32):
            problem_in(await AsyncClient().get(f"{API}/runs/{run_id}/events/stream", headers=headers), 404)
