"""What the machine can do at most, measured in the same run: bare Celery on Valkey, bare commits in PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
from celery import Celery, chain, chord

from bench.context import Bench
from bench.figures import Figure, percentile
from bench.room import Room
from bench.work import fibonacci

QUEUE = "bench"
DONE = "bench:done"
ANSWER_S = 30

app = Celery("ceiling")


@app.task(name="bench.light", ignore_result=True)
def light() -> None:
    """A light step's work, and nothing else."""
    fibonacci(10)


@app.task(name="bench.part")
def part() -> int:
    """The same for a chord, which counts the results of its parts."""
    return fibonacci(10)


@app.task(name="bench.done", ignore_result=True)
def done(_results: Any, url: str) -> None:
    """The same, and say when it was done."""
    fibonacci(10)
    redis.Redis.from_url(url).rpush(DONE, time.time())


def commits(bench: Bench, *, count: int = 500) -> Iterator[Figure]:
    """One inserted and committed row, one after the other."""
    measured = []
    with psycopg.connect(bench.room.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_commit (id bigserial PRIMARY KEY, note text)")
        for _ in range(bench.rounds):
            began = time.monotonic()
            for number in range(count):
                connection.execute("INSERT INTO bench_commit (note) VALUES (%s)", [f"note {number}"])
            measured.append((time.monotonic() - began) * 1000 / count)
        connection.execute("DROP TABLE bench_commit")
    yield Figure("bare PostgreSQL commit", "ms", measured)


def celery(bench: Bench) -> Iterator[Figure]:
    """The same kinds of work as bare Celery does them: no database, no log, nothing to see."""
    rounds = range(bench.rounds)
    with _worker(bench.room) as ours:
        ours.burst(10)
        yield Figure("bare Celery, 40 tasks in a chain", "ms a task", [ours.chain(40) for _ in rounds])
        yield Figure("bare Celery, 500 tasks", "tasks/s", [ours.burst(500) for _ in rounds])
        yield Figure("bare Celery, 200 tasks and a join (chord)", "s", [ours.chord(200) for _ in rounds])
        delays = [[ours.delay() for _ in range(100)] for _ in rounds]
        yield Figure("bare Celery, send to end, p50", "ms", [percentile(some, 0.5) for some in delays])
        yield Figure("bare Celery, send to end, p99", "ms", [percentile(some, 0.99) for some in delays])


class CeleryWork:
    """Sends tasks to a bare worker and waits for the word of the last."""

    def __init__(self, room: Room) -> None:
        self.url = room.redis_url
        self.client = redis.Redis.from_url(room.redis_url, socket_timeout=2 * ANSWER_S)

    def chain(self, length: int) -> float:
        """ms a task."""
        tasks = [light.si() for _ in range(length - 1)]
        return self._took(lambda: chain(*tasks, done.si(None, self.url)).apply_async()) * 1000 / length

    def chord(self, width: int) -> float:
        """Seconds."""
        return self._took(lambda: chord([part.si() for _ in range(width)])(done.s(self.url)))

    def burst(self, count: int) -> float:
        """Tasks a second."""
        return count / self._took(lambda: [done.delay(None, self.url) for _ in range(count)], answers=count)

    def delay(self) -> float:
        """ms."""
        return self._took(lambda: done.delay(None, self.url)) * 1000

    def _took(self, send: Any, *, answers: int = 1) -> float:
        self.client.delete(DONE)
        began = time.time()
        send()
        return max(self._answer() for _ in range(answers)) - began

    def _answer(self) -> float:
        found: Any = self.client.blpop([DONE], timeout=ANSWER_S)
        if found is None:
            raise SystemExit(f"bare Celery did not answer within {ANSWER_S} s")
        return float(found[1])


@contextmanager
def _worker(room: Room) -> Iterator[CeleryWork]:
    """A worker with four processes that runs this module's tasks."""
    _configure(room.broker_url)
    words = ["--concurrency", "4", "--queues", QUEUE, "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
    environment = {"BENCH_BROKER": room.broker_url, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "bench.ceilings", "worker", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield CeleryWork(room)
    finally:
        # Handles of results that live until the exit would unsubscribe from a server that is gone by then.
        app.backend.remove_pending_result = lambda result: result
        process.terminate()
        process.wait(20)


def _configure(broker_url: str) -> None:
    """As the control room has it: one message at a time, so that a busy process hoards nothing."""
    app.conf.update(
        broker_url=broker_url, result_backend=broker_url, task_default_queue=QUEUE, worker_prefetch_multiplier=1
    )


if broker := os.environ.get("BENCH_BROKER"):  # in the worker that this module started
    _configure(broker)
