"""The same over TCP, through a real Daphne in a process of its own."""

from __future__ import annotations

import asyncio
import json
import select
from typing import Any

import httpx
import pytest
from django.utils import timezone
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from runs import hints
from runs.models import Event, Run
from tests.controlroom.web.live.sockets import outside, tell
from tests.factories import make_run, make_token, start

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.slow]


def opening(address: str, path: str, secret: str, **options: Any) -> connect:
    headers = {"Authorization": f"Bearer {secret}"}
    return connect(f"{address.replace('http', 'ws', 1)}{path}", additional_headers=headers, open_timeout=60, **options)


async def frame_of(client: ClientConnection) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(client.recv(), 60))


async def test_a_new_run_appears_on_an_open_board(impatient_daphne: str) -> None:
    secret = await outside(make_token)
    async with opening(impatient_daphne, "/ws/board", secret) as board:
        assert (await frame_of(board))["type"] == "snapshot"
        run = await outside(start, title="Nightly")
        frame = await frame_of(board)  # by a hint: this server does not poll
    assert frame["run"] == str(run.pk)


async def test_a_refusal_reaches_the_client_as_a_code(impatient_daphne: str) -> None:
    async with opening(impatient_daphne, "/ws/board", "wrong") as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_client_that_does_not_read_is_sent_away_and_resumes(impatient_daphne: str) -> None:
    """With 40 MB to say the server stops at what the sockets' buffers take, and waits for a second."""
    run, secret = await outside(make_run, status="running"), await outside(make_token)
    for first in range(2, 402, 20):
        await outside(say_much, run, range(first, first + 20))
    path = f"/ws/runs/{run.pk}?format=events"
    async with opening(
        impatient_daphne, f"{path}&after=1", secret, max_queue=1, max_size=None, ping_interval=None
    ) as slow:
        got = len(str(await frame_of(slow)))
        await hung_up(slow)
        with pytest.raises(ConnectionClosed):
            while True:
                got += len(await slow.recv())
    assert got < 20e6
    async with opening(impatient_daphne, f"{path}&after=400", secret, max_size=None) as again:
        assert [event["seq"] for event in (await frame_of(again))["events"]] == [401]


async def hung_up(client: ClientConnection) -> None:
    """Until the other side has closed, which can be seen without reading."""
    poll = select.poll()
    poll.register(client.transport.get_extra_info("socket"), select.POLLRDHUP)
    async with asyncio.timeout(60):
        while not poll.poll(0):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def say_much(run: Run, seqs: range) -> None:
    """So many events of 100 kB each, in one statement."""
    data = {"outputs": {"text": "x" * 100_000}}
    rows = [Event(run=run, seq=seq, kind="step.succeeded", step="greet", data=data, at=timezone.now()) for seq in seqs]
    Event.objects.bulk_create(rows)
    Run.objects.filter(pk=run.pk).update(seq=seqs[-1])
    hints.publish(str(run.pk), seq=seqs[-1])


async def test_a_stream_of_events_follows_the_run(impatient_daphne: str) -> None:
    run, secret = await outside(start), await outside(make_token)
    url = f"{impatient_daphne}/api/v1/runs/{run.pk}/events/stream"
    headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "gzip"}
    async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", url, headers=headers) as response:
        assert "Content-Encoding" not in response.headers  # an event must not wait in a compressor
        lines = response.aiter_lines()
        seen = [await anext(lines) for _ in range(6)]
        await outside(tell, run)
        seen += [await anext(lines) for _ in range(2)]
    assert [line for line in seen if line.startswith("id:")] == ["id: 1", "id: 2"]
