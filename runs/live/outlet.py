"""The way out to one client, with a bound: who does not read what was sent is told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from runs.live.codes import Close, Refusal

READ_TIMEOUT = 15.0  # seconds in which a client must have read what lies before it


class Outlet:
    """Sends text frames, each only after the client has taken those before, but for what fits the socket's buffers.

    ASGI has no word for this. Servers that wait in `send` until the socket drains need nothing; Daphne takes all it is
    given into memory, so there this registers as Twisted's push producer, which is paused while the buffer is full.
    """

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]], *, read_timeout: float | None = None) -> None:
        self._send = send
        self._read_timeout = READ_TIMEOUT if read_timeout is None else read_timeout
        self._is_clear = asyncio.Event()
        self._is_clear.set()
        if transport := _twisted_transport(send):
            transport.unregisterProducer()  # the HTTP channel's, from before the upgrade
            transport.registerProducer(self, True)

    async def send(self, text: str) -> None:
        """Send a frame. Raises Refusal(COME_BACK) when the client has not read for too long."""
        try:
            async with asyncio.timeout(self._read_timeout):
                await self._is_clear.wait()
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise Refusal(Close.COME_BACK) from None

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted's names
        self._is_clear.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._is_clear.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._is_clear.set()


def _twisted_transport(send: Any) -> Any:
    """Daphne's `send` is a partial over the connection's protocol."""
    protocol = next(iter(getattr(send, "args", ())), None)
    transport = getattr(protocol, "transport", None)
    return transport if hasattr(transport, "registerProducer") else None
