"""One function for each line of the table. Each round does the whole work and returns its figure."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from bench import plans
from bench.room import LANE_LIMIT

ENDED = ("success", "error", "cancelled")
LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table: the median of the rounds and their spread."""

    name: str
    unit: str
    rounds: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> str:
        return f"{min(self.rounds):.2f} .. {max(self.rounds):.2f}"


def prepare(client: httpx.Client) -> None:
    """Push the benched plans, and let their lane take as many runs as come."""
    client.patch("/lanes/A", json={"limit": LANE_LIMIT}).raise_for_status()
    for document in (plans.chain(40), plans.clock(), plans.single(), plans.fan(200)):
        client.post("/plans", json=document).raise_for_status()


def steps_in_sequence(client: httpx.Client, *, rounds: int, length: int = 40) -> Figure:
    """ms a step over a chain of light steps, from the run's start to its end by the database's clock."""
    measured = [_duration(_finished(client, _start(client, f"chain-{length}"))) * 1000 / length for _ in range(rounds)]
    return Figure(f"{length} sequential steps", "ms a step", measured)


def steps_in_parallel(client: httpx.Client, *, rounds: int, width: int = 200) -> Figure:
    measured = [_duration(_finished(client, _start(client, f"fan-{width}"))) for _ in range(rounds)]
    return Figure(f"{width} parallel steps and a join", "s", measured)


def hook_to_step(client: httpx.Client, *, rounds: int, calls: int = 100) -> list[Figure]:
    """ms from before the POST until the step's first instruction, one call after the other."""
    p50, p99 = [], []
    for _ in range(rounds):
        delays = sorted(_delay(client) for _ in range(calls))
        p50.append(statistics.median(delays))
        p99.append(delays[max(int(len(delays) * 0.99) - 1, 0)])
    return [Figure("hook to step, p50", "ms", p50), Figure("hook to step, p99", "ms", p99)]


def _delay(client: httpx.Client) -> float:
    before = time.time()
    answer = client.post("/hooks/clock", json={}).raise_for_status().json()
    run = _finished(client, answer["id"])
    return float(run["steps"][0]["outputs"]["result"] - before) * 1000


def runs_per_second(make_client: Callable[[], httpx.Client], *, rounds: int, runs: int = 500) -> Figure:
    """One-step runs over 8 connections: from the first POST until the last run's end is recorded."""
    return Figure(f"{runs} one-step runs, 8 connections", "runs/s", [_burst(make_client, runs) for _ in range(rounds)])


def _burst(make_client: Callable[[], httpx.Client], runs: int) -> float:
    before = time.time()
    with ThreadPoolExecutor(8) as pool:
        ids = [name for names in pool.map(lambda _: _post_many(make_client, runs // 8), range(8)) for name in names]
    with make_client() as client:
        ended = [_time(_finished(client, name)["finished_at"]) for name in ids]
    return len(ids) / (max(ended) - before)


def _post_many(make_client: Callable[[], httpx.Client], count: int) -> list[str]:
    with make_client() as client:
        return [client.post("/hooks/single", json={}).raise_for_status().json()["id"] for _ in range(count)]


def _start(client: httpx.Client, slug: str) -> str:
    return str(client.post("/runs", json={"plan": slug}).raise_for_status().json()["id"])


def _finished(client: httpx.Client, run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        run: dict[str, Any] = client.get(f"/runs/{run_id}").raise_for_status().json()
        if run["status"] in ENDED:
            if run["status"] != "success":
                raise SystemExit(f"run {run_id} of {run['plan']} ended in {run['status']}")
            return run
        time.sleep(0.005)  # between two looks; figures come from the run's own times
    raise SystemExit(f"run {run_id} did not end within {LONGEST_S} s")


def _duration(run: dict[str, Any]) -> float:
    return _time(run["finished_at"]) - _time(run["created_at"])


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
