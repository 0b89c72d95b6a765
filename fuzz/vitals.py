"""What the web process and the servers behind it hold: memory, descriptors, connections, subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from bench.room import Room

KIB = 1024


@dataclass(frozen=True, slots=True)
class Vitals:
    """`memory`: bytes resident in the web process. `database`: connections to it, without our own."""

    memory: int
    descriptors: int
    threads: int
    database: int
    subscriptions: int

    def grown(self, before: Vitals, *, memory: int, others: int) -> list[str]:
        """What is more than it was, by more than is allowed: `memory` in bytes, `others` of anything else."""
        found = []
        for name in ("memory", "descriptors", "threads", "database", "subscriptions"):
            now, was = getattr(self, name), getattr(before, name)
            if now - was > (memory if name == "memory" else others):
                found.append(f"{name}: {was} before, {now} after")
        return found


def vitals(room: Room) -> Vitals:
    web = web_process(room)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{web}/status").read_text().splitlines())
    with psycopg.connect(room.database_url, autocommit=True) as connection:
        counted = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    with redis.Redis.from_url(room.redis_url) as client:
        subscribers = client.client_list(_type="pubsub")
    return Vitals(
        memory=int(status["VmRSS"].split()[0]) * KIB,
        descriptors=len(list(Path(f"/proc/{web}/fd").iterdir())),
        threads=int(status["Threads"]),
        database=int(counted[0]) if counted else 0,
        subscriptions=len(subscribers),
    )


def web_process(room: Room) -> int:
    """The pid of Daphne: a child of the supervisor, or of one of its children."""
    edge = [room.pid]
    while edge:
        pid = edge.pop()
        if b"daphne" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
        edge += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    raise LookupError("the room has no web process")
