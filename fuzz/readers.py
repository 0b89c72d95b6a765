"""Readers that do not read: the server must stop at what the line's buffers take, instead of keeping the rest."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import socket
from dataclasses import dataclass

import httpx
import psycopg

from fuzz.row import Row
from fuzz.target import OURS, Target, start, until
from fuzz.vitals import vitals
from fuzz.wire import connection
from pulser.language.limits import KIB, MIB

TOLD = 64 * MIB  # that each of them would get
PIECE = 16 * KIB
MEMORY_GROWN = 48 * MIB  # for all of them together
SETTLED = 20  # looks one after the other at which the server sends nothing more
BUFFER = 64 * KIB  # of the reader's socket


@dataclass(frozen=True, slots=True)
class Talkative:
    """A run with so much to tell: in its events, in its log, in an artifact."""

    waiting: str
    ended: str
    artifact: int

    def requests(self, token: str) -> dict[str, bytes]:
        calls = {
            "a stream of events": f"/api/v1/runs/{self.waiting}/events/stream",
            "a log": f"/api/v1/runs/{self.ended}/log?format=text",
            "a file": f"/api/v1/runs/{self.ended}/artifacts/{self.artifact}/content",
            "a socket": f"/ws/runs/{self.waiting}?format=events",
        }
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        upgrade = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
        )
        return {
            name: f"GET {path} HTTP/1.1\r\n{head}{upgrade if path.startswith('/ws') else ''}\r\n".encode()
            for name, path in calls.items()
        }


def readers(target: Target, *, each: int, cut_within_s: float | None = None) -> list[Row]:
    """`each`: readers of each kind at once. `cut_within_s`: wait until the server has cut them off, so long at most."""
    row = Row(f"readers that do not read, {4 * each} at once")
    talkative = furnish(target)
    with contextlib.ExitStack() as stack:
        before = vitals(target.room)
        clients: list[tuple[str, socket.socket]] = []
        for name, request in talkative.requests(target.room.token).items():
            clients += [(name, _ask(stack, target, request)) for _ in range(each)]
        _write_events(target, talkative.waiting)  # while they are there
        most = _most(target)
        if most - before.memory > MEMORY_GROWN:
            row.violations.append(f"memory: {before.memory} before, {most} with {len(clients)} readers")
        for name, client in clients:
            cut = cut_within_s is None or _is_cut(client, cut_within_s)
            row.saw("held back" if cut_within_s is None else "cut off", right=cut, why=f"{name} was not cut off")
    return [row]


def _ask(stack: contextlib.ExitStack, target: Target, request: bytes) -> socket.socket:
    client = stack.enter_context(connection(target))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    client.sendall(request)
    assert client.recv(1), "no answer"
    return client


def _most(target: Target) -> int:
    """The most that the web process held until it went no further."""
    seen: list[int] = []

    def is_settled() -> bool:
        seen.append(vitals(target.room).memory)
        return len(seen) > SETTLED and max(seen[-SETTLED:]) == max(seen) and seen[-1] <= seen[-SETTLED] + MIB

    until(is_settled, "the end of sending")
    return max(seen)


def _is_cut(client: socket.socket, within_s: float) -> bool:
    """Whether the other side hangs up in time, which can be seen without reading."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(within_s * 1000))


def furnish(target: Target) -> Talkative:
    """A waiting run and one that has ended; what they have to tell is put straight into the database."""
    write = {"run": f"head -c {TOLD} /dev/zero > big.bin"}
    step = {"id": "only", "uses": "shell", "with": write, "artifacts": [{"path": "big.bin", "kind": "file"}]}
    with target.room.client() as client:
        client.post("/plans", json={"pulser": 1, "slug": "big", "title": "Big", "steps": [step]}).raise_for_status()
        waiting, ended = start(client, "asks", lane=OURS), start(client, "big", lane=OURS)
        until(lambda: _status(client, ended) == "success" and _status(client, waiting) == "waiting", "the runs")
        artifact = client.get(f"/runs/{ended}/artifacts").raise_for_status().json()["items"][0]["id"]
    _write_events(target, waiting)
    _write_log(target, ended)
    return Talkative(waiting, ended, artifact)


def _status(client: httpx.Client, run_id: str) -> str:
    return str(client.get(f"/runs/{run_id}").raise_for_status().json()["status"])


def _write_events(target: Target, run_id: str) -> None:
    """Thousands of events, half of what is to be told."""
    insert = """
        INSERT INTO runs_event (run_id, seq, kind, step, data, at)
        SELECT r.id, r.seq + n, 'run.resumed', '', jsonb_build_object('text', repeat('x', %s)), clock_timestamp()
        FROM runs_run r, generate_series(1, %s) n WHERE r.id = %s"""
    count = TOLD // 2 // PIECE
    with psycopg.connect(target.room.database_url) as connection_:
        connection_.execute(insert, [PIECE, count, run_id])
        connection_.execute("UPDATE runs_run SET seq = seq + %s WHERE id = %s", [count, run_id])


def _write_log(target: Target, run_id: str) -> None:
    insert = """
        INSERT INTO runs_logchunk (attempt_id, "offset", stream, data, at)
        SELECT a.id, n * %(size)s, 'stdout', convert_to(repeat('x', %(size)s), 'UTF8'), clock_timestamp()
        FROM runs_attempt a JOIN runs_step s ON s.id = a.step_id, generate_series(1, %(count)s) n
        WHERE s.run_id = %(run)s"""
    with psycopg.connect(target.room.database_url) as connection_:
        connection_.execute(insert, {"size": PIECE, "count": TOLD // PIECE, "run": run_id})
