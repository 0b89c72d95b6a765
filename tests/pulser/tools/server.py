"""A server on loopback for the tests of `http`, over TLS when it is given a context."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers by path. `/to?URL` redirects; `/status/N` answers N; others as the methods below say."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self)
        path, _, query = self.path.partition("?")
        if path.startswith("/status/"):
            self.answer(b"no luck", status=int(path.rpartition("/")[2]))
        elif path == "/to":
            self.answer(b"", status=302, location=query)
        elif path == "/keep":
            self.answer(b"", status=307, location=query)
        else:
            getattr(self, f"answer_{path.strip('/')}")()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_GET

    def answer_echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        said = {"method": self.command, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
        self.answer(json.dumps(said).encode(), content_type="application/json")

    def answer_text(self) -> None:
        self.answer("größer".encode("latin-1"), content_type="text/plain; charset=latin-1")

    def answer_brokenjson(self) -> None:
        self.answer(b"{", content_type="application/json")

    def answer_packed(self) -> None:
        self.answer(b"\x1f\x8b", content_encoding="gzip")

    def answer_gigabyte(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        self.flood()

    def answer_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.flood()

    def flood(self) -> None:
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"x" * 65536)
                self.server.sent += 65536
        except OSError:
            pass

    def answer_drip(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.closing.wait(0.05):
                self.wfile.write(b".")
        except OSError:
            pass

    def answer_cut(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"half")

    def answer(self, body: bytes, *, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Handler] = []
        self.sent = 0
        self.closing = threading.Event()
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass
