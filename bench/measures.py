"""Each function measures one kind of work: it does all of it in each round, and returns the lines of the table."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench import plans
from bench.context import Bench
from bench.figures import Figure, at_least, at_most, percentile
from bench.line import Line, lines

HOOK = "/api/v1/hooks"


def chain(bench: Bench, *, length: int = 40) -> Iterator[Figure]:
    """Light steps one after the other, from the run's creation to its end."""
    bench.push(plans.chain(length))
    measured = [bench.run(f"chain-{length}").duration * 1000 / length for _ in range(bench.rounds)]
    yield Figure(f"{length} sequential steps", "ms a step", measured, at_most(4))


def long_steps(bench: Bench, *, length: int = 10) -> Iterator[Figure]:
    """What a run takes beyond the work, which each step times itself, in the same process."""
    bench.push(plans.long_chain(length))
    shares, overheads = [], []
    for _ in range(bench.rounds):
        run = bench.run(f"long-{length}")
        work = sum(bench.record.outputs(run.id))
        shares.append((run.duration - work) * 100 / work)
        overheads.append((run.duration - work) * 1000 / length)
    yield Figure(f"{length} long steps, beyond the work", "% of it", shares, at_most(2))
    yield Figure(f"{length} long steps, the same in time", "ms a step", overheads)


def fan(bench: Bench, *, width: int = 200) -> Iterator[Figure]:
    """Parallel steps and a join."""
    bench.push(plans.fan(width))
    measured = [bench.run(f"fan-{width}").duration for _ in range(bench.rounds)]
    yield Figure(f"{width} parallel steps and a join", "s", measured, at_most(1.0))


def hook(bench: Bench, *, calls: int = 100) -> Iterator[Figure]:
    """From before the POST to the step's first instruction, one call after the other."""
    bench.push(plans.clock())
    p50, p99 = [], []
    for _ in range(bench.rounds):
        delays = [_delay(bench) for _ in range(calls)]
        p50.append(statistics.median(delays))
        p99.append(percentile(delays, 0.99))
    yield Figure("hook to step, p50", "ms", p50, at_most(12))
    yield Figure("hook to step, p99", "ms", p99, at_most(40))


def _delay(bench: Bench) -> float:
    request = bench.line.request("POST", f"{HOOK}/clock", body=b"{}")
    before = time.time()
    answer = bench.line.send(request)
    run_id = json.loads(answer)["id"]
    bench.record.ended([run_id])
    (began,) = bench.record.outputs(run_id)
    return float(began - before) * 1000


def burst(bench: Bench, *, runs: int = 500, connections: int = 8) -> Iterator[Figure]:
    """One-step runs: from the first POST to the last recorded end. The client says what it took of the processor."""
    bench.push(plans.single())
    rates, costs = [], []
    for _ in range(bench.rounds):
        rate, cost = burst_once(bench, runs=runs, connections=connections)
        rates.append(rate)
        costs.append(cost)
        bench.settle()
    yield Figure(f"{runs} one-step runs, {connections} connections", "runs/s", rates, at_least(100))
    yield Figure("of it, the client's own processor time", "% of a core", costs)


def burst_once(bench: Bench, *, runs: int, connections: int) -> tuple[float, float]:
    """Runs a second, and the client's processor time in % of a core."""
    with lines(bench.room.url, token=bench.room.token, count=connections) as opened:
        request = bench.line.request("POST", f"{HOOK}/single", body=b"{}")
        before, worked = time.time(), time.process_time()
        with ThreadPoolExecutor(connections) as pool:
            shares = [runs // connections + (place < runs % connections) for place in range(connections)]
            answers = [
                body for bodies in pool.map(_post_many, opened, [request] * connections, shares) for body in bodies
            ]
        posted = time.process_time() - worked
    ids = [json.loads(body)["id"] for body in answers]
    worked = time.process_time()
    ended = bench.record.ended(ids, look_s=0.1)
    took = max(run.finished for run in ended) - before
    return len(ids) / took, (posted + time.process_time() - worked) * 100 / took


def _post_many(line: Line, request: bytes, count: int) -> list[bytes]:
    return [line.send(request) for _ in range(count)]
