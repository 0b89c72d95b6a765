"""What the web process takes in before Django sees it: a bound on every body and every WebSocket message.

Daphne bounds neither, and holds a request's whole body in memory, so that a client without a token could fill it.
"""

from __future__ import annotations

from typing import Any

from daphne import http_protocol, ws_protocol

from pulser.language.limits import REQUEST_BYTES


def bound() -> None:
    """From now on Daphne's servers in this process make bounded requests and sockets."""
    http_protocol.WebRequest = BoundedRequest
    ws_protocol.WebSocketFactory.protocol = BoundedSocket


class BoundedRequest(http_protocol.WebRequest):
    """Keeps the first `REQUEST_BYTES` of a body and throws the rest away as it comes.

    That is more than any call takes, so the call still sees that the body is too large, and says so in its own words.
    """

    kept = 0

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        part = data[: REQUEST_BYTES - self.kept]
        self.kept += len(part)
        if part:
            super().handleContentChunk(part)


class BoundedSocket(ws_protocol.WebSocketProtocol):
    """Drops the connection as soon as a message announces more than `REQUEST_BYTES`, or has them once unpacked."""

    def onConnect(self, request: Any) -> None:  # noqa: N802 (Autobahn's name)
        self.maxMessagePayloadSize = REQUEST_BYTES
        super().onConnect(request)
