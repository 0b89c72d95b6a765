"""How long the past of a long run takes, as its time slider asks for it: over HTTP, signed in, the answer rendered.

The run is real work: a fan that is joined by a step which fails, retried from its root until the log is long enough.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterable, Iterator

from bench import plans
from bench.context import Bench
from bench.figures import Figure, at_most, percentile
from bench.line import Line

STEPS, EVENTS = 1_000, 50_000
ROOT = "begin"
LOOKS = 40
PRIME = 7919  # events from one place to the next: it comes by everywhere
P95_MS = 150


def past(bench: Bench) -> Iterator[Figure]:
    """A moment after one that is near, after one that is not, and the page of the run as it is now."""
    run = _long_run(bench)
    (last,) = bench.record.rows("SELECT seq FROM runs_run WHERE id = %s", [run])[0]
    ways = {
        apart: [1 + (last // 2 + number * apart) % last for number in range(LOOKS + 1)] for apart in (1, 100, PRIME)
    }
    what = f"a moment of {last:,} events"
    with Line(bench.room.url, cookie=bench.cookie()) as browser:
        for apart, places in ways.items():
            rounds = [percentile(_drag(browser, run, places), 0.95) for _ in range(bench.rounds)]
            said, target = (f"{apart} further", at_most(P95_MS)) if apart < PRIME else ("anywhere", None)
            yield Figure(f"{what}, {said}", "ms, p95", rounds, target)
        looks = [[_ms(browser, f"/runs/{run}")[0] for _ in range(LOOKS // 4)] for _ in range(bench.rounds)]
        yield Figure(f"the page of a run of {STEPS:,} steps", "ms, p50", [statistics.median(one) for one in looks])
        yield Figure("of it, the document uncompressed", "KB", [_ms(browser, f"/runs/{run}")[1] / 1000])


def _long_run(bench: Bench) -> str:
    begin = plans.light(ROOT)
    fan = [plans.light(f"p{number}") | {"needs": [ROOT]} for number in range(STEPS - 2)]
    join = plans.call("join", "fail") | {"needs": [step["id"] for step in fan], "retry": {"max_attempts": 1}}
    bench.push(plans.plan("again", [begin, *fan, join]))
    run = bench.start("again")
    bench.record.ended([run], look_s=0.05, status="error")
    while bench.record.rows("SELECT seq FROM runs_run WHERE id = %s", [run])[0][0] < EVENTS:
        bench.client.post(f"/runs/{run}/retry", json={"from": ROOT}).raise_for_status()
        bench.record.ended([run], look_s=0.05, status="error")
    return run


def _drag(browser: Line, run: str, places: Iterable[int]) -> list[float]:
    """What each of these moments took in ms, from the one before it. That which the page goes from does not count."""
    (first, *others) = places
    browser.get(f"/runs/{run}/at/{first}")
    return [
        _ms(browser, f"/runs/{run}/at/{seq}?shown={shown}")[0] for shown, seq in itertools.pairwise([first, *others])
    ]


def _ms(browser: Line, path: str) -> tuple[float, int]:
    began = time.monotonic()
    size = len(browser.get(path))
    return (time.monotonic() - began) * 1000, size
