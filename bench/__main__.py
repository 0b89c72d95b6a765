"""`python -m bench [--rounds N]`: starts a control room, measures, prints the table."""

from __future__ import annotations

import argparse

from bench import ceilings, measures
from bench.measures import Figure
from bench.room import LANE_LIMIT, room


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with room() as ours:
        print(f"ready after {ours.ready_s:.1f} s; 4 workers; lane A takes {LANE_LIMIT} runs at once; {rounds} rounds\n")
        figures = [ceilings.commits(ours, rounds=rounds), *ceilings.celery_tasks(ours, rounds=rounds)]
        show_head()
        for figure in figures:
            show(figure)
        with ours.client() as client:
            measures.prepare(client)
            for figure in measures.hook_to_step(client, rounds=rounds):
                show(figure)
            show(measures.steps_in_sequence(client, rounds=rounds))
            show(measures.steps_in_parallel(client, rounds=rounds))
        show(measures.runs_per_second(ours.client, rounds=rounds))


def show_head() -> None:
    print(f"{'what':<36} {'median':>9}  {'unit':<10} lowest .. highest")
    print("-" * 78)


def show(figure: Figure) -> None:
    print(f"{figure.name:<36} {figure.median:>9.2f}  {figure.unit:<10} {figure.spread}", flush=True)


if __name__ == "__main__":
    main()
