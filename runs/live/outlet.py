"""The way out to a client, with a bound: who does not read what was sent is told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from runs.live.codes import Close, Refusal

READ_TIMEOUT = 15.0  # seconds in which a client must have read what lies before the next frame

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Send], Awaitable[None]]


class Outlet:
    """Sends text frames, each only when the server has room for it. `read_timeout` in seconds."""

    def __init__(self, send: Send, *, read_timeout: float | None = None) -> None:
        self._send = send
        self._read_timeout = READ_TIMEOUT if read_timeout is None else read_timeout

    async def send(self, text: str) -> None:
        """Send a frame. Raises Refusal(COME_BACK) when the client has not read for too long."""
        try:
            async with asyncio.timeout(self._read_timeout):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise Refusal(Close.COME_BACK) from None


def paced(application: Application) -> Application:
    """ASGI middleware, the outermost one of WebSockets: makes Daphne's `send` wait, as other servers' does.

    Daphne takes into memory whatever it is given, also for a client that does not read.
    """

    async def _app(scope: Any, receive: Any, send: Send) -> None:
        await application(scope, receive, Valve(send))

    return _app


class Valve:
    """A `send` that waits while Twisted's buffer of this connection is full: it is the transport's push producer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._transport = _twisted_transport(send)
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
        if self._transport is not None:
            self._transport.unregisterProducer()  # the HTTP channel's, from before the upgrade
            self._transport.registerProducer(self, True)

    def _let_go(self) -> None:
        """A transport is not closed as long as it has a producer that was paused."""
        if self._transport is not None:
            self._transport.unregisterProducer()

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted's names
        self._is_clear.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._is_clear.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._is_clear.set()


def _twisted_transport(send: Any) -> Any:
    """Daphne's `send` is a partial over the connection's protocol; None with another server."""
    protocol = next(iter(getattr(send, "args", ())), None)
    transport = getattr(protocol, "transport", None)
    return transport if hasattr(transport, "registerProducer") else None
