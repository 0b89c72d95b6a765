"""A client that costs next to nothing: on two cores, what the client takes is missing from what it measures.

A general HTTP client spends about as long on a request as the server does. This one writes prepared bytes and looks for
nothing in the answer but its status and its length.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

ANSWER_S = 60.0
IDLE_S = 10.0  # the server ends connections on which nothing comes: a new one is opened after so long
CHUNK = 65536


class Line:
    """One connection that is kept open. Raises SystemExit for an answer that is no success."""

    def __init__(self, url: str, *, token: str = "", cookie: str = "") -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        shown = f"Authorization: Bearer {token}" if token else f"Cookie: {cookie}"
        self._common = f"Host: {parts.netloc}\r\n{shown}\r\n".encode()
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=ANSWER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def get(self, path: str) -> bytes:
        """The body of the answer."""
        return self.send(self.request("GET", path))

    def post(self, path: str, body: bytes = b"{}") -> bytes:
        return self.send(self.request("POST", path, body=body))

    def request(self, method: str, path: str, *, body: bytes = b"") -> bytes:
        """A request as bytes, for those who send the same one many times."""
        content = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body) if body else b""
        return f"{method} {path} HTTP/1.1\r\n".encode() + self._common + content + b"\r\n" + body

    def send(self, request: bytes) -> bytes:
        if time.monotonic() - self._used_at > IDLE_S:
            self._socket.close()
            self._connect()
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head, body = received[:end], received[end + 4 :]
        length = _length(head)
        while len(body) < length:
            body += self._more()
        if head[9:10] != b"2":
            raise SystemExit(f"{head.decode()}\n{body.decode()}")
        self._used_at = time.monotonic()
        return body

    def _more(self) -> bytes:
        data = self._socket.recv(CHUNK)
        if not data:
            raise SystemExit("the web process closed the connection in mid-answer")
        return data


def _length(head: bytes) -> int:
    for field in head.split(b"\r\n")[1:]:
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise SystemExit(f"an answer without a length:\n{head.decode()}")


@contextmanager
def lines(url: str, *, token: str, count: int) -> Iterator[list[Line]]:
    """So many connections at once."""
    opened = [Line(url, token=token) for _ in range(count)]
    try:
        yield opened
    finally:
        for line in opened:
            line.__exit__(None, None, None)
