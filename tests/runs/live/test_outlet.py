from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from runs.live.codes import Close, Refusal
from runs.live.outlet import Outlet


class Transport:
    """As much of Twisted's as matters: who is told when its buffer is full."""

    def __init__(self) -> None:
        self.producer: Any = "the HTTP channel"

    def unregisterProducer(self) -> None:
        self.producer = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None
        assert streaming
        self.producer = producer


class Connection:
    """Daphne's: its `send` is a partial over the protocol."""

    def __init__(self) -> None:
        self.transport = Transport()
        self.sent: list[str] = []

    def outlet(self, read_timeout: float = 5.0) -> Outlet:
        async def send(protocol: Connection, message: dict[str, Any]) -> None:
            protocol.sent.append(message["text"])

        return Outlet(partial(send, self), read_timeout=read_timeout)


async def test_a_full_buffer_holds_the_next_frame_back() -> None:
    connection = Connection()
    outlet = connection.outlet()
    connection.transport.producer.pauseProducing()
    sending = asyncio.create_task(outlet.send("a"))
    await asyncio.sleep(0)
    assert connection.sent == []
    connection.transport.producer.resumeProducing()
    await sending
    assert connection.sent == ["a"]


async def test_a_client_that_does_not_read_is_told_to_come_back() -> None:
    connection = Connection()
    outlet = connection.outlet(read_timeout=0.01)
    connection.transport.producer.pauseProducing()
    with pytest.raises(Refusal) as refusal:
        await outlet.send("a")
    assert refusal.value.code == Close.COME_BACK


async def test_a_server_that_waits_in_send_is_bounded_too() -> None:
    async def send(message: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Refusal):
        await Outlet(send, read_timeout=0.01).send("a")


async def test_a_closed_connection_holds_nobody_up() -> None:
    connection = Connection()
    outlet = connection.outlet()
    connection.transport.producer.pauseProducing()
    connection.transport.producer.stopProducing()
    await outlet.send("a")
