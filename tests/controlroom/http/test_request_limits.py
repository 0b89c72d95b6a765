"""A real Daphne, to which clients send more than anybody should take."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from pulser.language.limits import MIB, REQUEST_BYTES
from tests.controlroom.haste import HASTE_S
from tests.servers import web_server

MANY = 8 * REQUEST_BYTES


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with web_server("tests.controlroom.measuring:application") as address:
        yield address


@pytest.fixture(scope="module")
def hasty_address() -> Iterator[str]:
    with web_server("tests.controlroom.hasty:application") as address:
        yield address


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // MIB):
        yield b"x" * MIB


@pytest.mark.parametrize("headers", [{}, {"Content-Length": str(MANY)}], ids=["chunked", "announced"])
def test_the_application_gets_no_more_of_a_body_than_the_bound(address: str, headers: dict[str, str]) -> None:
    answer = httpx.post(f"{address}/", content=pieces(MANY), headers=headers, timeout=60)

    assert int(answer.text) == REQUEST_BYTES


def test_a_body_within_the_bound_arrives_whole(address: str) -> None:
    answer = httpx.post(f"{address}/", content=b"x" * REQUEST_BYTES, timeout=60)

    assert int(answer.text) == REQUEST_BYTES


def test_the_next_request_of_the_connection_starts_anew(address: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        client.post("/", content=pieces(MANY))

        assert client.post("/", content=b"abc").text == "3"


def test_a_message_beyond_the_bound_ends_the_connection(address: str) -> None:
    with (
        connect(f"{address.replace('http', 'ws', 1)}/", max_size=None) as socket_,
        pytest.raises(ConnectionClosedError),
    ):
        socket_.send("x" * (REQUEST_BYTES + 1))
        socket_.recv(60)


def test_a_message_within_the_bound_arrives(address: str) -> None:
    with connect(f"{address.replace('http', 'ws', 1)}/") as socket_:
        socket_.send("x" * MIB)

        assert socket_.recv(60) == str(MIB)


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", b"GET / HTTP/1.1\r\nX: "],
    ids=["the first line", "the body", "a header"],
)
def test_a_request_that_drips_in_is_ended(hasty_address: str, begun: bytes) -> None:
    assert dripped(hasty_address, begun) == b"HTTP/1.1 408 Request Timeout"


def dripped(address: str, begun: bytes) -> bytes:
    """The first line of the answer to a client that sends a byte now and then, for a minute at most."""
    to = urlsplit(address)
    ends = time.monotonic() + 60
    with socket.create_connection((to.hostname, to.port)) as client:
        client.sendall(begun)
        client.settimeout(0.1)  # the pause between two bytes
        while time.monotonic() < ends:
            client.sendall(b"x")
            try:
                return client.recv(4096).split(b"\r\n")[0]
            except TimeoutError:
                continue
    return b"nothing"


def test_a_connection_may_be_used_for_longer_than_one_request_may_take(hasty_address: str) -> None:
    ends = time.monotonic() + 2.5 * HASTE_S
    with httpx.Client(base_url=hasty_address, timeout=60) as client:
        first = client.post("/", content=b"abc").extensions["network_stream"]
        while time.monotonic() < ends:
            answer = client.post("/", content=b"abc")
            time.sleep(0.1)  # a pace; nothing waits for it

    assert answer.text == "3"
    assert answer.extensions["network_stream"] is first


@pytest.mark.parametrize(
    ("type_", "part"),
    [
        ("application/x-www-form-urlencoded", b"name=value&"),
        ("multipart/form-data; boundary=B", b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'),
    ],
)
def test_a_form_of_many_fields_holds_nobody_up(address: str, type_: str, part: bytes) -> None:
    """Twisted reads forms before the application sees them: 4 MiB of small fields took it two to three seconds."""
    body = part * (REQUEST_BYTES // len(part))

    def seconds(type_: str) -> float:
        began = time.monotonic()
        httpx.post(f"{address}/", content=body, headers={"Content-Type": type_}, timeout=60)
        return time.monotonic() - began

    as_bytes = min(seconds("application/octet-stream") for _ in range(3))
    assert min(seconds(type_) for _ in range(3)) < 5 * as_bytes + 0.3


def test_the_answer_to_a_head_has_no_body_that_would_be_read_as_the_next_answer() -> None:
    with web_server("tests.controlroom.piecewise:application") as address, httpx.Client() as client:
        answers = [client.request(method, f"{address}/") for method in ("HEAD", "GET", "HEAD", "GET")]

    assert [(answer.status_code, len(answer.content)) for answer in answers] == [(200, 0), (200, 30)] * 2
