"""How long an event takes to a browser: from its commit to the frame at the sockets of open boards.

The board joins changes that come within 200 ms of each other, by contract, so the measured events stand alone: the
steps of a run end 0.45 s apart. An event's time is taken just before its commit, which therefore counts.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect

from bench import plans
from bench.context import Bench
from bench.figures import Figure, at_most, percentile

SOCKETS, STEPS, PAUSE_S, APART_S = 10, 20, 0.45, 0.42
QUIET_S = 2.0  # after the last frame that was expected

# The last event of each commit: those of one statement are microseconds apart.
EVENTS = "SELECT seq, extract(epoch FROM at)::float8 FROM runs_event WHERE run_id = %s ORDER BY seq"


class Arrival(NamedTuple):
    at: float
    text: str


def frames(bench: Bench) -> Iterator[Figure]:
    """Frames of a run whose steps end one by one, at ten boards."""
    bench.push(plans.slow_chain(STEPS, pause_s=PAUSE_S))
    p50, p99 = [], []
    for _ in range(bench.rounds):
        bench.settle()
        delays = asyncio.run(_watched_run(bench))
        p50.append(statistics.median(delays))
        p99.append(percentile(delays, 0.99))
    yield Figure(f"commit to frame, {SOCKETS} sockets, p50", "ms", p50, at_most(15))
    yield Figure(f"commit to frame, {SOCKETS} sockets, p99", "ms", p99, at_most(60))


async def _watched_run(bench: Bench) -> list[float]:
    address = bench.room.url.replace("http://", "ws://", 1) + "/ws/board"
    headers = {"Authorization": f"Bearer {bench.room.token}"}
    opened = [
        await connect(address, additional_headers=headers, compression=None, max_size=None, proxy=None)
        for _ in range(SOCKETS)
    ]
    try:
        for socket in opened:
            await socket.recv()  # the snapshot
        watching = [asyncio.create_task(_arrivals(socket)) for socket in opened]
        run = await asyncio.to_thread(bench.run, f"slow-{STEPS}")
        await asyncio.sleep(QUIET_S)
    finally:
        for socket in opened:
            await socket.close()
    seen = [await task for task in watching]
    return delays_of(seen, alone_in_time(bench.record.rows(EVENTS, [run.id])), run_id=run.id)


async def _arrivals(socket: ClientConnection) -> list[Arrival]:
    """Until the socket closes. What arrives is read later: ten viewers in one process must not wait for each other."""
    return [Arrival(time.time(), str(text)) async for text in socket]


def alone_in_time(events: list[tuple[int, float]]) -> dict[int, float]:
    """The time of each commit that nothing came close before, by its last seq: that is what its frame is named by."""
    commits = [before for before, after in pairwise(events) if after[1] - before[1] > APART_S / 2] + events[-1:]
    return {seq: at for (_, earlier), (seq, at) in pairwise(commits) if at - earlier >= APART_S}


def delays_of(sockets: Sequence[list[Arrival]], commits: Mapping[int, float], *, run_id: str) -> list[float]:
    """ms from each commit to the first frame that shows it, at every socket. Raises SystemExit when there is none."""
    return [
        (_shown_at(arrivals, seq, run_id) - at) * 1000
        for arrivals in map(_frames_in_order, sockets)
        for seq, at in commits.items()
    ]


def _frames_in_order(arrivals: list[Arrival]) -> list[tuple[float, str, int]]:
    frames = ((arrival.at, json.loads(arrival.text)) for arrival in arrivals)
    return [(at, frame["run"], frame["seq"]) for at, frame in frames if "run" in frame]


def _shown_at(frames: list[tuple[float, str, int]], seq: int, run_id: str) -> float:
    for at, run, shown in frames:
        if run == run_id and shown >= seq:
            return at
    raise SystemExit(f"a board never showed event {seq} of run {run_id}")
