"""How figures grow: with the number of workers, of stored runs, and of steps in a run."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import board, measures, plans
from bench.context import Bench, bench
from bench.figures import Figure
from bench.line import Line
from bench.room import room
from bench.stock import Stock

WORKERS = (1, 2, 3, 4)
STORED = (1_000, 10_000, 100_000, 1_000_000)
STEPS = (10, 100, 1_000)
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
    stock = Stock(bench)
    watched = board.Watched(bench)
    for size in sizes:
        began = time.monotonic()
        stock.grow(size)
        yield Figure(f"{size:,} runs: storing these", "s", [time.monotonic() - began])
        yield Figure(f"{size:,} runs: database", "MB", [_megabytes(bench)])
        for figure in (*measures.hook(bench), *measures.burst(bench), *_looks(bench)):
            if "client" not in figure.name:
                yield Figure(f"{size:,} runs: {figure.name}", figure.unit, figure.rounds)
        if size in board.SIZES:
            yield from watched.figures(size)


def _looks(bench: Bench) -> Iterator[Figure]:
    """What people and programs look at."""
    with Line(bench.room.url, cookie=bench.cookie()) as browser:
        yield Figure("board's page", "ms", [_look(browser, "/") for _ in range(bench.rounds)])
    for what, path in LOOKED_AT.items():
        yield Figure(what, "ms", [_look(bench.line, path) for _ in range(bench.rounds)])


def _look(line: Line, path: str) -> float:
    began = time.monotonic()
    line.get(path)
    return (time.monotonic() - began) * 1000


def _megabytes(bench: Bench) -> float:
    return float(bench.record.rows("SELECT pg_database_size(current_database())")[0][0]) / 1e6
