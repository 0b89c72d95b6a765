"""Does it answer? Small questions over a socket, so that the supervisor needs no client libraries in memory."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROTOCOL_3 = 196608  # PostgreSQL documentation, "Message Formats": StartupMessage
TIMEOUT_S = 2.0


@contextmanager
def _connection(address: Path | tuple[str, int]) -> Iterator[socket.socket]:
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(address) if isinstance(address, Path) else address)
        yield connection


def postgres_answers(path: Path, *, user: str, database: str) -> bool:
    """Whether a session can be opened; False while the server starts, recovers or shuts down."""
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
    try:
        with _connection(path) as connection:
            connection.sendall(struct.pack("!ii", 8 + len(words), PROTOCOL_3) + words)
            is_welcome = connection.recv(1) == b"R"
            connection.sendall(b"X\0\0\0\x04")  # Terminate
            return is_welcome
    except OSError:
        return False


def valkey_answers(path: Path) -> bool:
    """Whether PING gets PONG; False while the server loads its file."""
    try:
        with _connection(path) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(5) == b"+PONG"
    except OSError:
        return False


def http_status(host: str, port: int, *, path: str) -> int | None:
    """The status code of a GET, or None when nobody answers in HTTP."""
    request = f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        with _connection((host, port)) as connection:
            connection.sendall(request.encode())
            words = connection.recv(64).split(maxsplit=2)
            return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else None
    except (OSError, ValueError):
        return None


def port_problem(host: str, port: int) -> str | None:
    """Why a server could not listen there; None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
