"""The subscription to hints, on a real server whose connections are cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runs import hints
from runs.stream import listener
from runs.stream.listener import HintListener


class Heard:
    """A listener at work, and what it heard."""

    def __init__(self) -> None:
        self.hints: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.connects: asyncio.Queue[None] = asyncio.Queue()
        self.listener = HintListener(on_hint=self.hints.put_nowait, on_connect=lambda: self.connects.put_nowait(None))

    async def hint(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.hints.get(), 60)

    async def connected(self) -> None:
        await asyncio.wait_for(self.connects.get(), 60)


@asynccontextmanager
async def listening() -> AsyncIterator[Heard]:
    heard = Heard()
    task = asyncio.create_task(heard.listener.run())
    try:
        await heard.connected()
        yield heard
    finally:
        task.cancel()


def cut_subscriptions() -> None:
    """CLIENT KILL for each connection that subscribes."""
    hints.redis_client().execute_command("CLIENT", "KILL", "TYPE", "PUBSUB")


async def test_a_hint_is_heard() -> None:
    async with listening() as heard:
        hints.publish("run-1", seq=7)
        assert await heard.hint() == {"run": "run-1", "seq": 7}


async def test_a_cut_connection_is_made_anew_and_said_so() -> None:
    async with listening() as heard:
        cut_subscriptions()
        await heard.connected()
        hints.publish("run-1", log=3)
        assert await heard.hint() == {"run": "run-1", "log": 3}


async def test_a_hint_that_is_none_is_passed_over() -> None:
    async with listening() as heard:
        for junk in (b"\xff", b"[]", b'{"run": 1}', b"{"):
            hints.redis_client().publish(hints.channel(), junk)
        hints.publish("run-1", seq=1)
        assert (await heard.hint())["run"] == "run-1"


async def test_a_flushed_server_keeps_the_subscription() -> None:
    async with listening() as heard:
        hints.redis_client().flushall()
        hints.publish("run-1", seq=1)
        assert (await heard.hint())["run"] == "run-1"


async def test_a_silent_server_is_asked_and_keeps_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SILENCE", 0.05)
    async with listening() as heard:
        await asyncio.sleep(0.5)
        assert heard.connects.empty()
        hints.publish("run-1", seq=1)
        assert (await heard.hint())["run"] == "run-1"


async def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(listener, "CONNECT_TIMEOUT", 0.2)
    silent = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(3600), "127.0.0.1", 0)
    settings.REDIS_URL = f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0"
    heard = Heard()
    task = asyncio.create_task(heard.listener.run())
    await heard.listener.wait_connected(1.0)
    assert heard.connects.empty()
    assert not task.done()
    task.cancel()
    silent.close()


@pytest.mark.parametrize("turns", range(4))
async def test_a_viewer_that_leaves_just_as_the_subscription_stands_is_gone(turns: int) -> None:
    """`asyncio.wait_for` of Python 3.11 swallows such a farewell: the viewer watched on, though nobody was there."""
    silent = HintListener(on_hint=lambda hint: None, on_connect=lambda: None)

    async def watch() -> None:
        await silent.wait_connected(60)
        await asyncio.Event().wait()

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    silent.is_connected.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    watching.cancel()
    done, _ = await asyncio.wait([watching], timeout=60)
    assert [task.cancelled() for task in done] == [True]
