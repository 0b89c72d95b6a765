"""`python -m bench`: starts control rooms of its own, measures, and prints one table."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping

from bench import board, ceilings, growth, idle, live, measures, replay, statements, viewers, weight
from bench.context import Bench, bench
from bench.figures import Figure, Table
from bench.room import LANE_LIMIT, room

Line = Callable[[Bench], Iterator[Figure]]

# What is measured in one and the same room, in the order of the table; the ceilings stand beside it.
SPEED: Mapping[str, Line] = {
    "commits": ceilings.commits,
    "celery": ceilings.celery,
    "chain": measures.chain,
    "long": measures.long_steps,
    "hook": measures.hook,
    "burst": measures.burst,
    "statements": statements.statements,
    "fan": measures.fan,
    "frames": live.frames,
    "crowd": viewers.crowd,
    "weight": weight.weight,
}
GROWTH: Mapping[str, Line] = {"steps": growth.steps, "past": replay.past, "stored": growth.stored}
ALONE: Mapping[str, Line] = {"board": board.board}  # a part of `stored`, which takes long
SPEED_NAMES = [*SPEED, "ready", "idle"]
NAMES = [*SPEED_NAMES, "workers", *GROWTH, *ALONE]
GROWTH_ROUNDS = 3  # at most: these are many lines, and they are there to be compared with each other


def main() -> None:
    """Exits with 0 whatever the figures are: they are measurements, and the last line says which targets are missed."""
    wanted, rounds = read_arguments()
    table = Table()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the bench began; embedded servers; 4 workers")
    print(f"lane A takes {LANE_LIMIT} runs at once; medians of {rounds} rounds")
    measure(table, "Speed", lines=chosen(SPEED, wanted), rounds=rounds)
    measure_alone(table, wanted, rounds=rounds)
    measure(table, "Growth", lines=chosen(GROWTH, wanted), rounds=min(rounds, GROWTH_ROUNDS))
    if "stored" not in wanted:
        measure(table, "The board", lines=chosen(ALONE, wanted), rounds=rounds)
    print(f"\n{table.summary}")


def read_arguments() -> tuple[set[str], int]:
    """The names of what is wanted, and the number of rounds."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth", action="store_true", help="measure growth as well")
    parser.add_argument("--only", choices=NAMES, action="append", help="only this; may be given more than once")
    given = parser.parse_args()
    return set(given.only or (NAMES if given.growth else SPEED_NAMES)), given.rounds


def chosen(lines: Mapping[str, Line], wanted: set[str]) -> list[Line]:
    return [line for name, line in lines.items() if name in wanted]


def measure(table: Table, title: str, *, lines: list[Line], rounds: int) -> None:
    """One room for all of these."""
    if not lines:
        return
    with room() as ours, bench(ours, rounds=rounds) as benched:
        table.head(title)
        for line in lines:
            table.show(line(benched))


def measure_alone(table: Table, wanted: set[str], *, rounds: int) -> None:
    """What starts a room of its own in each round."""
    if wanted & {"ready", "idle"}:
        table.head("Start and rest, with the demo and default settings")
    if "ready" in wanted:
        table.show(idle.ready_after(rounds=rounds))
    if "idle" in wanted:
        table.show(idle.idle(rounds=rounds))
    if "workers" in wanted:
        table.head("Growth: workers")
        table.show(growth.workers(rounds=min(rounds, GROWTH_ROUNDS)))


if __name__ == "__main__":
    main()
