"""The soak: the same load for a long time and no attack, and the memory of each process watched meanwhile."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.room import Room, room
from chaos.load import Person, Starter, push, schedule
from chaos.memory import Growth, Samples
from chaos.plans import Author
from chaos.tools import FUNCTIONS

PER_SECOND = 2.0
SAMPLE_S = 5.0
LONG_S = 38.0


@dataclass(frozen=True, slots=True)
class Soak:
    seed: int
    seconds: float
    folder: Path

    def run(self) -> bool:
        """Prints the table; returns whether every process stayed flat."""
        self.folder.chmod(0o711)
        try:
            with room(folder=self.folder, CONTROLROOM_PYTHON_FUNCTIONS=FUNCTIONS) as ours:
                samples = self._load(ours)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        growths = samples.growths()
        print(f"\n{'process':<28} {'after warm-up':>14} {'at the end':>12} {'growth':>8}")
        for growth in growths:
            print(_line(growth))
        return bool(growths) and all(growth.is_flat for growth in growths)

    def _load(self, ours: Room) -> Samples:
        book = self.folder / "ledger"
        plans = Author(seed=self.seed, ledger=book, long_s=LONG_S).write()
        starts = schedule(plans, seed=self.seed, seconds=self.seconds, per_second=PER_SECOND)
        samples = Samples(ours.pid)
        with ExitStack() as stack:
            with ours.client() as client:
                push(client, plans)
            threads = (
                Starter(stack.enter_context(ours.client()), starts),
                Person(stack.enter_context(ours.client()), ledger_path=book),
            )
            for thread in threads:
                thread.start()
                stack.callback(thread.stop)
            ends = time.monotonic() + self.seconds
            while time.monotonic() < ends:
                samples.take()
                time.sleep(SAMPLE_S)
        return samples


def _line(growth: Growth) -> str:
    first, last = growth.first_kb / 1024, growth.last_kb / 1024
    mark = "" if growth.is_flat else "  grows"
    return f"{growth.name:<28} {first:>11.1f} MB {last:>9.1f} MB {growth.share:>+7.1%}{mark}"
