"""The way out to a client, with a bound: who does not read what was sent is told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pulser.language import limits
from runs.stream.refusals import Refusal, RefusalReason

READ_TIMEOUT = 15.0  # seconds in which a client must have read what lies before the next frame
STREAM_READ_TIMEOUT = limits.UNREAD_S  # the same for a piece of an HTTP answer: a download over a bad line takes time

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Send], Awaitable[None]]


class BoundedSender:
    """Sends text frames, each only when the server has room for it. `read_timeout` in seconds."""

    def __init__(self, send: Send, *, read_timeout: float | None = None) -> None:
        self._send = send
        self._read_timeout = READ_TIMEOUT if read_timeout is None else read_timeout

    async def send(self, text: str) -> None:
        """Send a frame. Raises Refusal(RECONNECT) when the client has not read for too long."""
        try:
            async with asyncio.timeout(self._read_timeout):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise Refusal(RefusalReason.RECONNECT) from None


def with_backpressure(application: Application) -> Application:
    """ASGI middleware, the outermost one: makes Daphne's `send` wait, as other servers' does.

    Daphne takes into memory whatever it is given, also for a client that does not read.
    """

    async def _app(scope: Any, receive: Any, send: Send) -> None:
        valve = BackpressureStream if scope["type"] == "http" else BackpressureSend
        await application(scope, receive, valve(send))

    return _app


class BackpressureSend:
    """A `send` that waits while Twisted's buffer of this connection is full: it is the push producer of a socket."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._protocol = next(iter(getattr(send, "args", ())), None)  # Daphne's `send` is a partial over it
        self._consumer: Any = None
        self._is_clear = asyncio.Event()
        self._is_clear.set()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            await self._is_clear.wait()
        elif message["type"] == "websocket.close":
            self._let_go()
        await self._send(message)
        if message["type"] == "websocket.accept":
            self._take_over()

    def _take_over(self) -> None:
        transport = getattr(self._protocol, "transport", None)
        if hasattr(transport, "registerProducer"):
            self._consumer = transport
            self._consumer.unregisterProducer()  # the HTTP channel's, from before the upgrade
            self._consumer.registerProducer(self, True)

    def _let_go(self) -> None:
        """A transport is not closed as long as it has a producer that was paused."""
        if self._consumer is not None:
            self._consumer.unregisterProducer()
            self._consumer = None

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted's names
        self._is_clear.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._is_clear.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._is_clear.set()


class BackpressureStream(BackpressureSend):
    """The same for an HTTP answer that is sent piece by piece: a log, a file, a stream of events.

    Who does not read for `STREAM_READ_TIMEOUT` is cut off, which ends the application's part as well.
    """

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            if message.get("more_body") and self._consumer is None:
                self._take_over()
            try:
                async with asyncio.timeout(STREAM_READ_TIMEOUT):
                    await self._is_clear.wait()
            except TimeoutError:
                self._cut_off()
                return
            if not message.get("more_body"):
                self._let_go()
        await self._send(message)

    def _take_over(self) -> None:
        """Daphne's request is the consumer, unless its connection is gone."""
        if getattr(self._protocol, "channel", None) is not None:
            self._consumer = self._protocol
            self._consumer.registerProducer(self, True)

    def _let_go(self) -> None:
        if getattr(self._protocol, "channel", None) is not None:
            super()._let_go()

    def _cut_off(self) -> None:
        channel = getattr(self._protocol, "channel", None)
        if channel is not None:
            channel.forceAbortClient()
