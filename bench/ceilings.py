"""What the machine can do at most, measured in the same run: bare Celery on Valkey, bare commits in PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import redis
from celery import Celery

from bench.measures import Figure
from bench.room import Room

app = Celery("ceiling")
DONE = "bench:done"
ANSWER_S = 30


@app.task(name="bench.noop")
def noop(url: str) -> None:
    """Do nothing, and say that it was done."""
    redis.Redis.from_url(url).rpush(DONE, time.time())


def commits(room: Room, *, rounds: int, count: int = 500) -> Figure:
    """ms for one inserted and committed row, one after the other."""
    measured = []
    with psycopg.connect(room.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_commit (id bigserial PRIMARY KEY, note text)")
        for _ in range(rounds):
            began = time.monotonic()
            for number in range(count):
                connection.execute("INSERT INTO bench_commit (note) VALUES (%s)", [f"note {number}"])
            measured.append((time.monotonic() - began) * 1000 / count)
        connection.execute("DROP TABLE bench_commit")
    return Figure("bare PostgreSQL commit", "ms", measured)


def celery_tasks(room: Room, *, rounds: int, count: int = 500) -> list[Figure]:
    """Empty tasks: how many a second in a burst, and how long one takes to arrive."""
    _configure(room)
    client = redis.Redis.from_url(room.redis_url, socket_timeout=2 * ANSWER_S)
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "bench.ceilings",
        "worker",
        "-c",
        "4",
        "-Q",
        "bench",
        "-l",
        "ERROR",
    ]
    environment = {"BENCH_BROKER": room.broker_url, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _send(room, client, 1)
        rates = [_send(room, client, count) for _ in range(rounds)]
        delays = [_arrival(room, client) for _ in range(100)]
    finally:
        worker.terminate()
        worker.wait(20)
    return [
        Figure(f"bare Celery, {count} empty tasks", "tasks/s", rates),
        Figure("bare Celery, send to start", "ms", [sorted(delays)[50]]),
    ]


def _configure(room: Room) -> None:
    app.conf.update(broker_url=room.broker_url, task_default_queue="bench", task_ignore_result=True)


def _send(room: Room, client: redis.Redis, count: int) -> float:
    client.delete(DONE)
    began = time.time()
    for _ in range(count):
        noop.delay(room.redis_url)
    last = began
    for _ in range(count):
        last = max(last, _arrived(client))
    return count / (last - began)


def _arrival(room: Room, client: redis.Redis) -> float:
    before = time.time()
    noop.delay(room.redis_url)
    return (_arrived(client) - before) * 1000


def _arrived(client: redis.Redis) -> float:
    found = client.blpop([DONE], timeout=ANSWER_S)
    if found is None:
        raise SystemExit(f"bare Celery did not answer within {ANSWER_S} s")
    return float(found[1])


if broker := os.environ.get("BENCH_BROKER"):  # in the worker that this module started
    app.conf.update(
        broker_url=broker, task_default_queue="bench", task_ignore_result=True, worker_prefetch_multiplier=1
    )
