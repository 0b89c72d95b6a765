"""The vital signs that the health page shows: who works on what, what waits, how fast it goes, how the servers do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from redis.exceptions import RedisError

from runs import hints
from runs.models import Attempt, Duty, Worker

STEPS_SHOWN = 12  # of one worker

# range -> (how far back, width of a bucket), both in seconds
RANGES: Mapping[str, tuple[int, int]] = {"1h": (3600, 60), "6h": (21_600, 300), "24h": (86_400, 900)}

QUEUE = """
SELECT l.name, l.limit, l.paused, l.paused_reason,
       (SELECT count(*) FROM runs_run WHERE lane_id = l.id AND status = 'running'),
       q.number, extract(epoch FROM clock_timestamp() - q.oldest)::float
FROM runs_lane l,
     LATERAL (SELECT count(*) AS number, min(queued_at) AS oldest
              FROM runs_run WHERE lane_id = l.id AND status = 'queued') q
ORDER BY l.position, l.name
"""
STEPS = """
SELECT count(*), extract(epoch FROM clock_timestamp() - min(queued_at))::float FROM runs_step WHERE status = 'queued'
"""
FLOW = """
SELECT floor(extract(epoch FROM finished_at) / %(width)s)::bigint AS piece,
       count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'error'),
       count(*) FILTER (WHERE status = 'cancelled'),
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at)),
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at) - rested_s)
FROM runs_run WHERE finished_at >= to_timestamp(%(first)s::bigint * %(width)s)
GROUP BY piece
"""
DATABASE = """
SELECT current_setting('server_version'), pg_database_size(current_database()),
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       current_setting('max_connections')::int
"""


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """A worker and the attempts in its hands."""

    worker: Worker
    is_gone: bool
    attempts: Sequence[Attempt] = ()

    @property
    def busy(self) -> int:
        return len(self.attempts)

    @property
    def shown(self) -> Sequence[Attempt]:
        return self.attempts[:STEPS_SHOWN]


@dataclass(frozen=True, slots=True)
class LaneQueue:
    """A lane's load; `oldest_s`: how long the run that waits longest has waited."""

    name: str
    limit: int
    paused: bool
    paused_reason: str
    used: int
    queued: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class FlowBucket:
    """What ended within a piece of the range. Times: (median, 95th percentile) in seconds, or None."""

    success: int = 0
    error: int = 0
    cancelled: int = 0
    wait: tuple[float, float] | None = None
    took: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The buckets of a range, oldest first, each `width_s` long, the first from `start`; the last is not over yet."""

    width_s: int
    start: datetime
    buckets: Sequence[FlowBucket] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Server:
    """PostgreSQL or Redis: facts by name, or why there are none."""

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


def worker_loads() -> list[WorkerLoad]:
    """The workers that were heard of in the last hour. Two queries."""
    there = {worker.name for worker in Worker.objects.alive()}
    held: dict[str, list[Attempt]] = {}
    for attempt in Attempt.objects.leased().select_related("step__run__plan_version__plan").order_by("started_at"):
        held.setdefault(attempt.worker, []).append(attempt)
    workers = Worker.objects.seen_within(3600)
    return [WorkerLoad(worker, worker.name not in there, held.get(worker.name, [])) for worker in workers]


def queues() -> list[LaneQueue]:
    return [LaneQueue(*row) for row in _rows(QUEUE)]


def step_queue() -> tuple[int, float | None]:
    """Steps that a worker may claim, and how long the first of them has waited, in seconds."""
    number, oldest_s = _rows(STEPS)[0]
    return number, oldest_s


def flow(name: str, *, now: datetime) -> Flow:
    """What ended in a range of `RANGES`. One query, over the index on the end of runs.

    Buckets begin where the clock does, at whole minutes: what is over looks the same whenever one looks.
    """
    back, width = RANGES[name]
    last = int(now.timestamp()) // width
    first = last - back // width + 1
    found = {row[0]: _bucket(row) for row in _rows(FLOW, {"first": first, "width": width})}
    start = datetime.fromtimestamp(first * width, UTC)
    return Flow(width, start, [found.get(piece, FlowBucket()) for piece in range(first, last + 1)])


def _bucket(row: Sequence[Any]) -> FlowBucket:
    _, success, error, cancelled, wait, took = row
    return FlowBucket(success, error, cancelled, _pair(wait), _pair(took))


def _pair(values: Sequence[float | None] | None) -> tuple[float, float] | None:
    if not values or values[0] is None or values[1] is None:
        return None
    return max(0.0, values[0]), max(0.0, values[1])


def sweeper() -> tuple[datetime | None, dict[str, Any]]:
    """When the last sweep ended, and what it found."""
    duty = Duty.objects.filter(name="sweep").first()
    return (duty.finished_at, duty.found) if duty else (None, {})


def database() -> Server:
    started = time.perf_counter()
    version, size, connections, most = _rows(DATABASE)[0]
    took = (time.perf_counter() - started) * 1000
    facts = {
        "Version": version,
        "Latency": f"{took:.1f} ms",
        "Size": _bytes(size),
        "Connections": f"{connections} of {most}",
    }
    return Server("PostgreSQL", facts)


def redis() -> Server:
    try:
        started = time.perf_counter()
        said: dict[str, Any] = hints.redis_client().info()
        took = (time.perf_counter() - started) * 1000
    except (RedisError, OSError) as error:
        return Server("Redis", fault=f"does not answer: {type(error).__name__}. Runs continue; pages update later.")
    facts = {
        "Version": str(said.get("valkey_version") or said.get("redis_version", "")),
        "Latency": f"{took:.1f} ms",
        "Memory": _bytes(said.get("used_memory", 0)),
        "Clients": str(said.get("connected_clients", "")),
    }
    return Server("Redis", facts)


def _rows(statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or {})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
