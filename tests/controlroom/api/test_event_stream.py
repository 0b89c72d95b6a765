"""Server-sent events of one run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import StreamingHttpResponse
from django.test import AsyncRequestFactory

from controlroom.api import event_stream as sse
from runs.accounts.models import ApiToken
from runs.models import Run
from tests.controlroom.web.live.sockets import outside, tell
from tests.factories import make_run, make_token, say, start

pytestmark = pytest.mark.usefixtures("committed", "no_poll")


async def ask(run_id: Any, *, role: str = "viewer", query: str = "", **headers: str) -> Any:
    if role:
        headers["Authorization"] = f"Bearer {await outside(make_token, role)}"
    request = AsyncRequestFactory().get(f"/events/stream?{query}", headers=headers)
    request.user, request.session = AnonymousUser(), None
    return await sse.stream(request, run_id)


async def read(response: StreamingHttpResponse) -> AsyncIterator[str]:
    """The messages, with comments."""
    async for part in response:  # type: ignore[attr-defined]
        for message in part.decode().split("\n\n"):
            if message:
                yield message


async def all_of(response: StreamingHttpResponse) -> list[str]:
    async with asyncio.timeout(60):
        return [message async for message in read(response)]


def end(run: Run) -> None:
    ended = make_run(status="success")
    Run.objects.filter(pk=run.pk).update(status="success", finished_at=ended.finished_at)
    tell(run, "run.succeeded")


async def test_each_event_has_its_seq_its_kind_and_its_json() -> None:
    run = await outside(make_run, status="success")
    response = await ask(run.pk)
    _, message = await all_of(response)
    number, kind, data = message.split("\n")
    assert (number, kind) == ("id: 1", "event: run.queued")
    assert json.loads(data.removeprefix("data: "))["run"] == str(run.pk)
    assert response["Content-Type"] == "text/event-stream"


async def test_a_stream_follows_the_run_and_ends_with_it() -> None:
    run = await outside(start)
    messages = read(await ask(run.pk))
    assert await anext(messages) == ": connected"
    await anext(messages)
    await outside(end, run)
    rest = [message async for message in messages]
    assert rest[-1].startswith("id: 2\nevent: run.succeeded")


@pytest.mark.parametrize(
    ("query", "headers", "first", "reason"),
    [
        ("", {}, "id: 1", "from the start"),
        ("after=1", {}, "id: 2", "after the seq in the URL"),
        ("after=0", {"Last-Event-ID": "2"}, "id: 3", "what a browser has seen goes first"),
    ],
)
async def test_a_stream_resumes(query: str, headers: dict[str, str], first: str, reason: str) -> None:
    run = await outside(make_run, status="success")
    for _ in range(3):
        await outside(say, run, "run.started")
    messages = await all_of(await ask(run.pk, query=query, **headers))
    assert messages[1].startswith(first), reason


async def test_a_browser_that_has_it_all_is_told_to_stop() -> None:
    run = await outside(make_run, status="success")
    assert (await ask(run.pk, **{"Last-Event-ID": "1"})).status_code == 204


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "PING_INTERVAL", 0.05)
    messages = read(await ask((await outside(start)).pk))
    assert [await anext(messages) for _ in range(4)][2:] == [": ping", ": ping"]
    await messages.aclose()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick_poll")
async def test_a_stream_ends_when_its_token_is_revoked() -> None:
    response = await ask((await outside(start)).pk)
    messages = read(response)
    await anext(messages)
    await outside(ApiToken.objects.all().delete)
    assert len([message async for message in messages]) == 1


@pytest.mark.parametrize(
    ("role", "status"),
    [("", 401), ("viewer", 404)],
)
async def test_what_cannot_be_watched_is_a_problem(role: str, status: int) -> None:
    response = await ask("0190a5a0-0000-7000-8000-000000000000", role=role)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(response.content)["status"] == status


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=99999999999"])
async def test_a_seq_that_is_none_is_a_problem(query: str) -> None:
    run = await outside(start)
    assert (await ask(run.pk, query=query)).status_code == 422


async def test_when_as_many_watch_as_may_a_stream_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.stream.feed.VIEWERS_MAX", 0)
    run = await outside(start)
    response = await ask(run.pk)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
