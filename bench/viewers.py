"""Fifty open boards while 200 events happen each second: how late they show them, and what is missing in the end.

Runs of one light step are posted at an even pace, and everything that happens to them is measured: from the event's
time, taken just before its commit, to the first frame that shows it, at every board which all of these runs pass. The
board joins changes that come within 200 ms, so half of that is waited for on purpose.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect

from bench import plans
from bench.context import Bench
from bench.figures import Figure, at_least, at_most, percentile
from bench.measures import HOOK

RUNS_A_SECOND, LOAD_S = 40.0, 10.0
QUIET_S = 6.0  # of silence in the end: longer than it takes a poll to find what no hint told
ROUNDS = 3  # at most
FRAME = re.compile(r'\{"run":"([0-9a-f-]+)","seq":(\d+),')

# What people look at, and how many of them. Every run passes the first ones from its start to its end.
ALL_PASS = {
    "": 20,
    "view=table": 5,
    "lane=A&environment=dev": 5,
    "view=table&plan=single&trigger=hook": 4,
    "within=1h&q=ingl": 4,
}
NONE_STAYS = {"status=running": 3, "status=queued&lane=A": 2}  # in the end
EVENTS = {"format=events": 5, "format=events&plan=single": 2}
SAID = "SELECT run_id::text, seq, extract(epoch FROM at)::float8 FROM runs_event WHERE run_id = ANY(%s::uuid[])"

Said = Mapping[str, Mapping[int, float]]  # the time of each event of each run


class Arrival(NamedTuple):
    """A frame: what it is about, and its text where that is looked at later."""

    at: float
    run: str
    seq: int
    text: str = ""


Seen = Mapping[str, Sequence[Sequence[Arrival]]]  # at the boards with this query


def crowd(bench: Bench) -> Iterator[Figure]:
    bench.push(plans.single())
    rates, p50, p99, wrong = [], [], [], []
    for _ in range(min(bench.rounds, ROUNDS)):
        bench.settle()
        said, seen = asyncio.run(_watched_load(bench))
        delays = [delay for query in ALL_PASS for one in seen[query] for delay in delays_of(one, said)]
        rates.append(sum(map(len, said.values())) / LOAD_S)
        p50.append(percentile(delays, 0.5))
        p99.append(percentile(delays, 0.99))
        wrong.append(float(wrong_in(seen, said)))
    count = sum(sum(kind.values()) for kind in (ALL_PASS, NONE_STAYS, EVENTS))
    yield Figure(f"{count} boards: events", "a second", rates, at_least(200))
    yield Figure(f"{count} boards: commit to frame, p50", "ms", p50)
    yield Figure(f"{count} boards: commit to frame, p99", "ms", p99, at_most(500))
    yield Figure(f"{count} boards: missing, doubled, left over", "in the end", wrong, at_most(0))


async def _watched_load(bench: Bench) -> tuple[Said, Seen]:
    queries = [query for kind in (ALL_PASS, NONE_STAYS, EVENTS) for query, many in kind.items() for _ in range(many)]
    opened = [await _open(bench, query) for query in queries]
    heard: list[list[Arrival]] = [[] for _ in queries]
    watching = [
        asyncio.create_task(_listen(socket, arrivals, keep="events" in query))
        for socket, arrivals, query in zip(opened, heard, queries, strict=True)
    ]
    ids = await asyncio.to_thread(_load, bench)
    await asyncio.to_thread(bench.record.ended, ids, look_s=0.1)
    await _silence(heard)
    for socket in opened:
        await socket.close()
    await asyncio.gather(*watching)
    seen = defaultdict(list)
    for query, arrivals in zip(queries, heard, strict=True):
        seen[query].append(arrivals)
    said: dict[str, dict[int, float]] = defaultdict(dict)
    for run, seq, at in bench.record.rows(SAID, [ids]):
        said[run][seq] = at
    return said, seen


async def _silence(heard: Sequence[Sequence[Arrival]]) -> None:
    """Until nobody has heard anything for a while: what is late is late, and not missing."""
    ended = time.time()
    while time.time() - max([ended, *(arrivals[-1].at for arrivals in heard if arrivals)]) < QUIET_S:  # noqa: ASYNC110
        await asyncio.sleep(0.5)


async def _open(bench: Bench, query: str) -> ClientConnection:
    """As a page does: it hears what there is, and says what it has."""
    address = f"{bench.room.url.replace('http://', 'ws://', 1)}/ws/board?{query}"
    headers = {"Authorization": f"Bearer {bench.room.token}"}
    socket = await connect(address, additional_headers=headers, compression=None, max_size=None, proxy=None)
    snapshot = json.loads(await socket.recv())
    await socket.send(json.dumps({"type": "have", "runs": snapshot["runs"]}))
    return socket


async def _listen(socket: ClientConnection, arrivals: list[Arrival], *, keep: bool) -> None:
    """Until the socket closes. Cards are not kept: they would fill the memory."""
    async for text in socket:
        at = time.time()
        if frame := FRAME.match(str(text)):
            is_short = keep or len(text) < 300
            arrivals.append(Arrival(at, frame[1], int(frame[2]), str(text) if is_short else ""))


def _load(bench: Bench) -> list[str]:
    """Post runs at an even pace, whatever an answer takes; returns their ids."""
    request = bench.line.request("POST", f"{HOOK}/single", body=b"{}")
    began, ids = time.monotonic(), []
    for number in range(round(RUNS_A_SECOND * LOAD_S)):
        time.sleep(max(0.0, began + number / RUNS_A_SECOND - time.monotonic()))
        ids.append(json.loads(bench.line.send(request))["id"])
    return ids


def delays_of(arrivals: Sequence[Arrival], said: Said) -> Iterator[float]:
    """ms from each event to the first frame that shows it. What never came is counted by `wrong_in`."""
    for run, shown in _by_run(arrivals).items():
        for seq, at in said.get(run, {}).items():
            if first := next((arrival for arrival in shown if arrival.seq >= seq), None):
                yield (first.at - at) * 1000


def wrong_in(seen: Seen, said: Said) -> int:
    """How often a run's end is missing, a run stays where it does not pass, an event is missing or doubled."""
    ends = {run: max(events) for run, events in said.items()}
    missing = sum(
        _last_seen(one).get(run) != end for query in ALL_PASS for one in seen[query] for run, end in ends.items()
    )
    left = sum(run in ends for query in NONE_STAYS for one in seen[query] for run in _shown_in_the_end(one))
    torn = sum(_events_of(one, run) != sorted(said[run]) for query in EVENTS for one in seen[query] for run in said)
    return missing + left + torn


def _by_run(arrivals: Sequence[Arrival]) -> dict[str, list[Arrival]]:
    runs: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        runs[arrival.run].append(arrival)
    return runs


def _last_seen(arrivals: Sequence[Arrival]) -> dict[str, int]:
    return {arrival.run: arrival.seq for arrival in arrivals}


def _shown_in_the_end(arrivals: Sequence[Arrival]) -> set[str]:
    last = {arrival.run: arrival for arrival in arrivals}
    return {run for run, arrival in last.items() if '"swap":"delete"' not in arrival.text}


def _events_of(arrivals: Sequence[Arrival], run: str) -> list[int]:
    texts = [arrival.text for arrival in arrivals if arrival.run == run]
    return [event["seq"] for text in texts for event in json.loads(text)["events"]]
