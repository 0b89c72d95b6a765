"""Bytes on the wire that are no HTTP, or HTTP that never ends."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx

from fuzz.row import Row
from fuzz.target import Target

ANSWER_S = 20.0
CLOSED = "closed"
QUICK_S = 5.0  # in which others must be served meanwhile; the machine may be busy
HEAD = b"POST /api/v1/hooks/quick HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

JUNK: dict[str, bytes] = {
    "noise": bytes(range(256)) * 8 + b"\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300 + b"\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "no path": b"GET HTTP/1.1\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "bytes beyond ASCII in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the path": b"GET /api/v1/runs/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    "broken escapes": b"GET /api/v1/runs/%zz%e0%80 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    "broken escapes in the query": b"GET /api/v1/runs?q=%ff&limit=%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a long path": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: x\r\n" * 2_000 + b"\r\n",
    "a header that is none": b"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n",
    "an endless line": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000,
    "no length": HEAD + b"Content-Length: many\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk of a negative size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n",
    "a chunk of endless size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 2_000 + b"\r\n",
    "an unknown encoding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "an upgrade to nothing": b"GET /ws/board HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a foreign host": b"GET / HTTP/1.1\r\nHost: \xff\xff\r\nConnection: close\r\n\r\n",
}


def junk(target: Target) -> Row:
    """Each is refused (4xx) or cut off, and none makes the server fail."""
    row = Row("wire: junk")
    for name, sent in JUNK.items():
        answer = _answer(target, sent)
        row.saw(answer, right=answer == CLOSED or answer.startswith("4"), why=name)
    _is_well(target, row)
    return row


def _answer(target: Target, sent: bytes) -> str:
    """The status, `closed`, or `silence`. A server that waits for more gets the end of the line."""
    with connection(target) as client:
        with contextlib.suppress(OSError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
        return first_status(client)


@contextlib.contextmanager
def connection(target: Target, *, timeout_s: float = ANSWER_S) -> Iterator[socket.socket]:
    parts = urlsplit(target.room.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=timeout_s) as client:
        yield client


def first_status(client: socket.socket) -> str:
    try:
        start = client.recv(4096)
    except TimeoutError:
        return "silence"
    except OSError:
        return CLOSED
    return start.split(b" ", 2)[1].decode(errors="replace")[:20] if start.startswith(b"HTTP/") else CLOSED


def _is_well(target: Target, row: Row) -> None:
    answer = httpx.get(f"{target.room.url}/healthz", timeout=ANSWER_S, trust_env=False)
    row.saw(answer.status_code, right=answer.status_code == 200, why="the server is not well afterwards")


def slow(target: Target, *, clients: int, within_s: float, pause_s: float = 0.5) -> list[Row]:
    """Requests that drip in, a byte at a time, over head and body. All end in time, and others are served meanwhile."""
    dripping = {"a body": HEAD + b"Content-Length: 100000\r\n\r\n", "a head": b"GET / HTTP/1.1\r\nX: "}
    row, others = Row("wire: requests that drip in"), Row("wire: others meanwhile")
    until = time.monotonic() + within_s
    with ThreadPoolExecutor(clients) as pool:
        kinds = [list(dripping.values())[number % 2] for number in range(clients)]
        ends = [pool.submit(_drip, target, start, until=until, pause_s=pause_s) for start in kinds]
        while not all(end.done() for end in ends):
            began = time.monotonic()
            _is_well(target, others)
            took = time.monotonic() - began
            if took > QUICK_S:
                others.violations.append(f"an answer took {took:.1f} s")
            time.sleep(pause_s)  # a pace for those who look in
        for end in ends:
            row.saw(end.result(), right=end.result() in {"408", CLOSED}, why=f"it was let drip for {within_s:g} s")
    return [row, others]


def _drip(target: Target, start: bytes, *, until: float, pause_s: float) -> str:
    with connection(target) as client:
        client.sendall(start)
        client.settimeout(pause_s)  # the pause between two bytes
        while time.monotonic() < until:
            answer = first_status(client)
            if answer != "silence":
                return answer
            try:
                client.sendall(b"x")
            except OSError:
                return CLOSED
    return "still open"
