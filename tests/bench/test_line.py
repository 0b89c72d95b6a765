from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.line import Line


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; `/long` in two pieces, `/broken` with an error, `/endless` without a length."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"{self.path} {self.headers['Authorization']} {body.decode()} from {self.client_address[1]}".encode()
        if self.path == "/long":
            said *= 5000
        self.send_response(500 if self.path == "/broken" else 202)
        if self.path != "/endless":
            self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said[:100])
        self.wfile.flush()
        self.wfile.write(said[100:])

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test reads the answers."""


@pytest.fixture
def line() -> Iterator[Line]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    with Line(f"http://127.0.0.1:{server.server_port}", token="secret") as opened:
        yield opened
    server.shutdown()
    server.server_close()


def test_a_request_carries_token_and_body(line: Line) -> None:
    assert line.post("/hook", b'{"a": 1}').startswith(b'/hook Bearer secret {"a": 1} from ')


def test_one_connection_serves_all_requests(line: Line) -> None:
    assert len({line.post("/hook") for _ in range(3)}) == 1


def test_an_answer_that_comes_in_pieces_is_read_whole(line: Line) -> None:
    answer = line.post("/long")

    assert answer == answer[: len(answer) // 5000] * 5000


def test_an_error_ends_the_bench_with_what_the_server_said(line: Line) -> None:
    with pytest.raises(SystemExit, match=r"(?s)500.*/broken Bearer"):
        line.post("/broken")


def test_an_answer_without_a_length_ends_the_bench(line: Line) -> None:
    with pytest.raises(SystemExit, match="without a length"):
        line.post("/endless")
