"""How figures grow: with the number of workers, of stored runs, and of steps in a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx

from bench import measures, plans
from bench.context import Bench, bench
from bench.figures import Figure
from bench.fill import fill
from bench.line import Line
from bench.room import room

WORKERS = (1, 2, 3, 4)
STORED = (1_000, 10_000, 100_000, 1_000_000)
STEPS = (10, 100, 1_000)
SHARES = (0.3, 0.1, 0.6)  # of the stored runs: went well, failed, went well and were archived
WIDTH, PAUSE_S = 200, 0.05
LOOKED_AT = {"list of runs": "/api/v1/runs", "status": "/api/v1/status", "metrics": "/metrics"}


def workers(*, rounds: int) -> Iterator[Figure]:
    """Steps a second of a fan of light steps, and of steps that only wait: these want workers, those want cores."""
    for count in WORKERS:
        with room(workers=count) as ours, bench(ours, rounds=rounds) as benched:
            benched.push(plans.fan(WIDTH), plans.resting_fan(WIDTH, pause_s=PAUSE_S))
            for slug, what in (
                (f"fan-{WIDTH}", "light steps"),
                (f"resting-{WIDTH}", f"steps of {PAUSE_S * 1000:.0f} ms"),
            ):
                benched.run(slug)  # plans are read and kept
                rates = [(WIDTH + 1) / benched.run(slug).duration for _ in range(rounds)]
                yield Figure(f"{count} workers, {what}", "steps/s", rates)


def steps(bench: Bench) -> Iterator[Figure]:
    """What a step costs in runs of 10, 100 and 1,000: the same, if the cost of a run is linear."""
    for length in STEPS:
        chain, fan = plans.chain(length), plans.fan(length - 1)
        bench.push(chain, fan)
        for document, what in ((chain, "one after the other"), (fan, "side by side")):
            costs = [bench.run(document["slug"]).duration * 1000 / length for _ in range(bench.rounds)]
            yield Figure(f"{length} steps {what}", "ms a step", costs)


def stored(bench: Bench, *, sizes: tuple[int, ...] = STORED) -> Iterator[Figure]:
    """The hook, the burst and what people look at, with so many runs in the database."""
    originals, there = list(_originals(bench)), 0
    for size in sizes:
        began = time.monotonic()
        counts = [round((size - there) * share) for share in SHARES]
        fill(bench.record.connection, dict(zip(originals, counts, strict=True)))
        there = size
        yield Figure(f"{size:,} runs: storing these", "s", [time.monotonic() - began])
        yield Figure(f"{size:,} runs: database", "MB", [_megabytes(bench)])
        for figure in (*measures.hook(bench), *measures.burst(bench), *_looks(bench)):
            if "client" not in figure.name:
                yield Figure(f"{size:,} runs: {figure.name}", figure.unit, figure.rounds)


def _originals(bench: Bench) -> Iterator[str]:
    """Runs that the room has done by itself, one for each of SHARES. The stored ones are their copies."""
    bench.push(plans.stored(), plans.stored_failure())
    for slug, status in (("stored", "success"), ("stored-failure", "error"), ("stored", "success")):
        run_id = json.loads(bench.line.post(f"{measures.HOOK}/{slug}"))["id"]
        bench.record.ended([run_id], status=status)
        yield run_id
    bench.line.post(f"/api/v1/runs/{run_id}/archive")


def _looks(bench: Bench) -> Iterator[Figure]:
    """What people and programs look at."""
    with Line(bench.room.url, cookie=_cookie(bench)) as browser:
        yield Figure("board's page", "ms", [_look(browser, "/") for _ in range(bench.rounds)])
    for what, path in LOOKED_AT.items():
        yield Figure(what, "ms", [_look(bench.line, path) for _ in range(bench.rounds)])


def _cookie(bench: Bench) -> str:
    """What the admin's browser sends once he has signed in."""
    with httpx.Client(base_url=bench.room.url, trust_env=False) as browser:
        (token,) = browser.get("/login").cookies.values()
        form = {"username": "admin", "password": bench.room.environment["CONTROLROOM_ADMIN_PASSWORD"]}
        browser.post("/login", data=form | {"csrfmiddlewaretoken": token})
        return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def _look(line: Line, path: str) -> float:
    began = time.monotonic()
    line.get(path)
    return (time.monotonic() - began) * 1000


def _megabytes(bench: Bench) -> float:
    return float(bench.record.rows("SELECT pg_database_size(current_database())")[0][0]) / 1e6
