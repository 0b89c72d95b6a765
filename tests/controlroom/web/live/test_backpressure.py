from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from controlroom.web.live.backpressure import BackpressureSend, BoundedSender, Message
from runs.stream.refusals import Refusal, RefusalReason

ACCEPT: Message = {"type": "websocket.accept"}
CLOSE: Message = {"type": "websocket.close"}


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
        self.sent: list[Message] = []

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if "text" in message]

    async def accept(self) -> BackpressureSend:
        async def send(protocol: Connection, message: Message) -> None:
            protocol.sent.append(message)

        valve = BackpressureSend(partial(send, self))
        await valve(ACCEPT)
        return valve


async def test_a_full_buffer_holds_the_next_frame_back() -> None:
    connection = Connection()
    outlet = BoundedSender(await connection.accept())
    connection.transport.producer.pauseProducing()
    sending = asyncio.create_task(outlet.send("a"))
    await asyncio.sleep(0)
    assert connection.texts == []
    connection.transport.producer.resumeProducing()
    await sending
    assert connection.texts == ["a"]


async def test_a_client_that_does_not_read_is_told_to_come_back() -> None:
    connection = Connection()
    outlet = BoundedSender(await connection.accept(), read_timeout=0.01)
    connection.transport.producer.pauseProducing()
    with pytest.raises(Refusal) as refusal:
        await outlet.send("a")
    assert refusal.value.reason == RefusalReason.RECONNECT


async def test_a_server_that_waits_in_send_is_bounded_too() -> None:
    async def send(message: Message) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Refusal):
        await BoundedSender(send, read_timeout=0.01).send("a")


async def test_a_lost_connection_holds_nobody_up() -> None:
    connection = Connection()
    outlet = BoundedSender(await connection.accept())
    connection.transport.producer.pauseProducing()
    connection.transport.producer.stopProducing()
    await outlet.send("a")
    assert connection.texts == ["a"]


async def test_closing_lets_the_transport_go() -> None:
    connection = Connection()
    valve = await connection.accept()
    await valve(CLOSE)
    assert connection.transport.producer is None


async def test_other_servers_are_passed_through() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    valve = BackpressureSend(send)
    for message in (ACCEPT, CLOSE):
        await valve(message)
    assert sent == [ACCEPT, CLOSE]
