"""What the web process takes in before Django sees it: a bound on every body, on every WebSocket message, and on time.

Daphne bounds neither, and holds a request's whole body in memory, so that a client without a token could fill it.
"""

from __future__ import annotations

from typing import Any

from daphne import http_protocol, server, ws_protocol
from twisted.web.http import HTTPChannel

from pulser.language.limits import REQUEST_BYTES, REQUEST_S

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def limit_requests() -> None:
    """From now on Daphne's servers in this process make bounded requests and sockets."""
    server.HTTPFactory = BoundedFactory
    http_protocol.WebRequest = BoundedRequest
    ws_protocol.WebSocketFactory.protocol = BoundedSocket


class BoundedChannel(HTTPChannel):
    """A connection whose requests must come in time. Twisted's own bound starts anew with each byte that drips in."""

    _is_arriving = False

    def resetTimeout(self) -> None:  # noqa: N802 (Twisted's names)
        if not self._is_arriving:
            self._is_arriving = True
            super().resetTimeout()

    def allContentReceived(self) -> None:  # noqa: N802
        self._is_arriving = False
        super().allContentReceived()

    def timeoutConnection(self) -> None:  # noqa: N802
        if self._is_arriving:
            self.write(TOO_SLOW)
        super().timeoutConnection()


class BoundedFactory(http_protocol.HTTPFactory):
    protocol = BoundedChannel

    def __init__(self, daphne: Any) -> None:
        super().__init__(daphne)
        self.timeOut = REQUEST_S


class BoundedRequest(http_protocol.WebRequest):
    """Keeps the first `REQUEST_BYTES` of a body and throws the rest away as it comes.

    That is more than any call takes, so the call still sees that the body is too large, and says so in its own words.
    """

    kept = 0

    def __init__(self, *args: Any) -> None:
        """Django reads forms, in a thread and with a bound; Twisted would hold everybody up meanwhile."""
        super().__init__(*args, parsePOSTFormSubmission=False)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        part = data[: REQUEST_BYTES - self.kept]
        self.kept += len(part)
        if part:
            super().handleContentChunk(part)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Of an answer to HEAD only the head is sent. Daphne sends later pieces too, as if another answer began."""
        if self.method == b"HEAD" and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        super().handle_reply(message)


class BoundedSocket(ws_protocol.WebSocketProtocol):
    """Drops the connection as soon as a message announces more than `REQUEST_BYTES`, or has them once unpacked."""

    def onConnect(self, request: Any) -> None:  # noqa: N802 (Autobahn's name)
        self.maxMessagePayloadSize = REQUEST_BYTES
        super().onConnect(request)
