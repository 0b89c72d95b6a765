"""Does memory stay flat? Samples of each process while the control room works, and what they show."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.processes import children_of, command_of

WARM_UP = 0.25  # of the time: caches fill, pools grow to their size
GROWTH_MAX = 0.10
SMALL_KB = 2048  # less than that is no growth, whatever its share
NAMES = {
    "control@": "control",
    "steps@": "worker",
    "daphne": "web",
    "postgres:": "PostgreSQL session",
    "/postgres": "PostgreSQL",
    "valkey": "Valkey",
    "controlroom": "supervisor",
}


@dataclass(frozen=True, slots=True)
class Growth:
    """A process over the time after the warm-up: the medians of its first and its last third, in KiB."""

    name: str
    first_kb: float
    last_kb: float

    @property
    def share(self) -> float:
        return (self.last_kb - self.first_kb) / self.first_kb

    @property
    def is_flat(self) -> bool:
        return self.share <= GROWTH_MAX or self.last_kb - self.first_kb < SMALL_KB


@dataclass(slots=True)
class Samples:
    """Of the supervisor and all that descends from it: process -> memory in KiB, in the order of time."""

    supervisor: int
    by_process: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    count: int = 0

    def take(self) -> None:
        self.count += 1
        for pid in _family(self.supervisor):
            with suppress(OSError, ValueError):
                self.by_process[f"{name_of(command_of(pid))} {pid}"].append(_own_kb(pid))

    def growths(self) -> list[Growth]:
        """Of the processes that lived through all of it; what came and went is no leak."""
        return [
            growth_of(name, samples)
            for name, samples in sorted(self.by_process.items())
            if len(samples) >= self.count * (1 - WARM_UP)
        ]


def growth_of(name: str, samples: Sequence[float]) -> Growth:
    """The first and the last third after the warm-up, each by its median: a single peak is no trend."""
    after = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(after) // 3)
    return Growth(name, statistics.median(after[:third]), statistics.median(after[-third:]))


def name_of(command: str) -> str:
    return next((name for words, name in NAMES.items() if words in command), "other")


def _family(pid: int) -> list[int]:
    return [pid, *(one for child in children_of(pid) for one in _family(child))]


def _own_kb(pid: int) -> float:
    """What is the process's alone: shared pages would count the buffers of PostgreSQL once for each session."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return float(fields["Private_Clean"]) + float(fields["Private_Dirty"])
