"""What a control room costs that nobody asks anything of: seconds until it is ready, memory and CPU while it idles.

Both count every process that `controlroom up` started, PostgreSQL and Valkey too, with its default settings.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.figures import Figure, at_most
from bench.room import Room, room

TICKS = os.sysconf("SC_CLK_TCK")  # a second of CPU
QUIET_S = 20.0  # after the demo's end, before anything is measured
DEMO_S = 300.0  # the demo may take that long


def ready_after(*, rounds: int) -> Iterator[Figure]:
    """From the command's start on a fresh data directory until /readyz says yes, and the CPU that it took till then."""
    wall, cpu = [], []
    for _ in range(rounds):
        with room(CONTROLROOM_DEMO="1") as ours:
            wall.append(ours.ready_s)
            cpu.append(cpu_of(ours))
    yield Figure("start until ready", "s", wall, target=at_most(8.0))
    yield Figure("start until ready, CPU of all processes", "s", cpu)


def idle(*, rounds: int, seconds: float = 30.0) -> Iterator[Figure]:
    """Once the demo has ended and it was quiet for a while: memory, and CPU over so many seconds."""
    memory, cpu = [], []
    with room(CONTROLROOM_DEMO="1") as ours:
        await_demo(ours)
        time.sleep(QUIET_S)
        for _ in range(rounds):
            before, began = cpu_of(ours), time.monotonic()
            time.sleep(seconds)
            cpu.append(100 * (cpu_of(ours) - before) / (time.monotonic() - began))
            memory.append(sum(pss_mb(pid) for pid in tree(ours.pid)))
    yield Figure("idle, memory of all processes (PSS)", "MB", memory, target=at_most(350.0))
    yield Figure("idle, CPU of all processes", "% of core", cpu, target=at_most(2.0))


def await_demo(ours: Room) -> None:
    """Raises SystemExit when the demo's run does not end in time."""
    deadline = time.monotonic() + DEMO_S
    with ours.client() as client:
        while time.monotonic() < deadline:
            if has_ended(client):
                return
            time.sleep(0.5)  # between two looks
    raise SystemExit(f"the demo did not end within {DEMO_S:.0f} s")


def has_ended(client: httpx.Client) -> bool:
    runs = client.get("/runs").raise_for_status().json()["items"]
    return bool(runs) and all(run["finished_at"] for run in runs)


def cpu_of(ours: Room) -> float:
    """Seconds so far, those of processes that came and went included."""
    return sum(cpu_s(pid) for pid in tree(ours.pid))


def tree(root: int) -> list[int]:
    """The process, its children, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        if words := stat_of(int(entry.name)):
            children.setdefault(int(words[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:  # grows while it is read
        found.extend(children.get(pid, []))
    return found


def cpu_s(pid: int) -> float:
    """User and system time of a process and of its children which have ended. 0 when it is gone."""
    return sum(map(int, stat_of(pid)[11:15])) / TICKS


def stat_of(pid: int) -> list[str]:
    """What proc(5) says from `state` on: 1 is the parent, 11 to 14 are times in ticks. Empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def pss_mb(pid: int) -> float:
    """Its proportional share of the memory: a page that three processes share counts a third in each."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
