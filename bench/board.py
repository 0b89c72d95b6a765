"""How long the board takes, whole and narrowed, as a browser asks for it: over HTTP, signed in, the page rendered."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from bench.context import Bench
from bench.figures import Figure, at_most, percentile
from bench.line import Line
from bench.stock import Stock

SIZES = (10_000, 1_000_000)
VIEWS = {"lanes": "view=lanes", "table": "view=table", "timeline": "view=timeline&range=24h"}
LOOKS, PAIR_LOOKS = 8, 3  # at each page, once it has been seen
P95_MS, SEARCH_MS, TIMES = 150, 300, 2
ALIKE = 1.2  # times the bytes: where more is shown, more is drawn, and that tells nothing of what is stored
WHOLE, PAIR = "all runs", "two filters"

# Of each filter what is frequent and what is rare. Pairs are made of the rare ones; `cli` starts nothing in prod, and
# this walk finds nothing at all.
FILTERS = {
    "status": ("status=success", "status=waiting", "status=error"),
    "lane": ("lane=B",),
    "plan": ("plan=nightly-import", "plan=flaky"),
    "session": ("session={first}", "session={last}"),
    "environment": ("environment=dev", "environment=prod"),
    "trigger": ("trigger=hook", "trigger=cli"),
    "time": ("within=24h", "within=30d"),
    "archived": ("archived=1",),
}
BESIDE = ("/inbox", "/sessions", "/views/badges", "/health", "/palette?q=deploy")  # what else is asked of all runs
SEARCHES = {
    "search, frequent word": ("q=deploy", "q=for", "q=de"),
    "search, rare word": ("q=c4ca4238", "q=%234711"),
    "search, no such word": ("q=xylophone", "q=zq"),
    "search and a filter": ("q=payroll+for+oslo&status=error", "q=4711&environment=prod"),
}


class Took(NamedTuple):
    """What a page took, in ms, each time it was looked at; and its bytes."""

    ms: Sequence[float]
    size: int


@dataclass(slots=True)
class Watched:
    """The board of a room, and how long its pages took when the room was small."""

    bench: Bench
    before: dict[str, Took] = field(default_factory=dict)

    def figures(self, size: int) -> Iterator[Figure]:
        """Lines for each view: whole, by each filter, by the worst two, by each kind of search; of values the slowest.

        From the second size on they say how many times the first it is.
        """
        with Line(self.bench.room.url, cookie=self.bench.cookie()) as browser:
            for view, query in VIEWS.items():
                most = 0.0
                for name, added in self._pages().items():
                    looks = {page: self._look(browser, page, name) for page in (f"/?{query}{more}" for more in added)}
                    times = max(map(self._times, looks, looks.values()))
                    most = most if name in SEARCHES else max(most, times)
                    said = f" ({times:.1f}x)" if times else ""
                    p95 = max(percentile(took.ms, 0.95) for took in looks.values())
                    target = at_most(SEARCH_MS if name in SEARCHES else P95_MS)
                    yield Figure(f"{size:,}: {view}, {name}{said}", "ms, p95", [p95], target)
                if most:
                    yield Figure(f"{size:,}: {view}, the most of all but searches", "times", [most], at_most(TIMES))
            for page in BESIDE:
                yield Figure(f"{size:,}: {page}", "ms, p95", [percentile(self._look(browser, page).ms, 0.95)])

    def _pages(self) -> Mapping[str, Sequence[str]]:
        """What is added to the address of a view."""
        (first, last), *_ = self.bench.record.rows("SELECT min(id), max(id) FROM runs_session")
        singles = {
            name: [f"&{value.format(first=first, last=last)}" for value in values] for name, values in FILTERS.items()
        }
        rarest = [values[-1] for values in singles.values()]
        pairs = ["".join(pair) for pair in combinations(rarest, 2)]
        searches = {name: [f"&{query}" for query in queries] for name, queries in SEARCHES.items()}
        return {WHOLE: [""], **singles, PAIR: pairs, **searches}

    def _look(self, browser: Line, page: str, name: str = "") -> Took:
        """The first time does not count."""
        size = len(browser.get(page))
        return Took([_ms(browser, page) for _ in range(PAIR_LOOKS if name == PAIR else LOOKS)], size)

    def _times(self, page: str, took: Took) -> float:
        """How many times what it took in the small room, by the medians; 0 where that is this one, or showed less."""
        before = self.before.setdefault(page, took)
        if before is took or took.size > before.size * ALIKE:
            return 0.0
        return statistics.median(took.ms) / statistics.median(before.ms)


def _ms(browser: Line, path: str) -> float:
    began = time.monotonic()
    browser.get(path)
    return (time.monotonic() - began) * 1000


def board(bench: Bench) -> Iterator[Figure]:
    """The board with few runs and with many, and the pages beside it."""
    stock, watched = Stock(bench), Watched(bench)
    for size in SIZES:
        began = time.monotonic()
        stock.grow(size)
        yield Figure(f"{size:,} runs: storing these", "s", [time.monotonic() - began])
        yield from watched.figures(size)
