"""A real Daphne, to which clients send more than anybody should take."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from pulser.language.limits import MIB, REQUEST_BYTES

MANY = 8 * REQUEST_BYTES


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        command = [sys.executable, "-m", "daphne", "--fd", str(number), "tests.controlroom.measuring:application"]
        server = subprocess.Popen(command, pass_fds=[number])
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.terminate()
            server.wait(10)


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // MIB):
        yield b"x" * MIB


@pytest.mark.parametrize("headers", [{}, {"Content-Length": str(MANY)}], ids=["chunked", "announced"])
def test_the_application_gets_no_more_of_a_body_than_the_bound(address: str, headers: dict[str, str]) -> None:
    answer = httpx.post(f"http://{address}/", content=pieces(MANY), headers=headers, timeout=30)

    assert int(answer.text) == REQUEST_BYTES


def test_a_body_within_the_bound_arrives_whole(address: str) -> None:
    answer = httpx.post(f"http://{address}/", content=b"x" * REQUEST_BYTES, timeout=30)

    assert int(answer.text) == REQUEST_BYTES


def test_the_next_request_of_the_connection_starts_anew(address: str) -> None:
    with httpx.Client(base_url=f"http://{address}", timeout=30) as client:
        client.post("/", content=pieces(MANY))

        assert client.post("/", content=b"abc").text == "3"


def test_a_message_beyond_the_bound_ends_the_connection(address: str) -> None:
    with connect(f"ws://{address}/", max_size=None) as socket_, pytest.raises(ConnectionClosedError):
        socket_.send("x" * (REQUEST_BYTES + 1))
        socket_.recv(10)


def test_a_message_within_the_bound_arrives(address: str) -> None:
    with connect(f"ws://{address}/") as socket_:
        socket_.send("x" * MIB)

        assert socket_.recv(10) == str(MIB)
