"""`controlroom status`: who works, what waits."""

from __future__ import annotations

from typing import Any

import click

from controlroom.cli.client import connect
from controlroom.cli.output import local_time, say, say_json, say_table


@click.command()
@click.option("--json", "as_json", is_flag=True)
def status(*, as_json: bool) -> None:
    """Show workers, lanes, the queue and the sweeper's age."""
    found = connect().get("/status")
    if as_json:
        return say_json(found)
    workers = [_worker(worker) for worker in found["workers"]]
    say_table(("WORKER", "PID", "BUSY", "SEEN", "ANSWERED"), workers) if workers else say("no workers online")
    say("")
    say_table(("LANE", "SLOTS", "QUEUED", ""), [_lane(lane) for lane in found["lanes"]])
    say("")
    return _say_queue(found)


def _worker(worker: dict[str, Any]) -> list[str]:
    busy = f"{worker['busy']}/{worker['slots']}"
    times = [local_time(worker[name], form="%H:%M:%S") for name in ("seen_at", "answered_at")]
    return [worker["name"], str(worker["pid"]), busy, *times]


def _lane(lane: dict[str, Any]) -> list[str]:
    return [lane["name"], f"{lane['used']}/{lane['limit']}", str(lane["queued"]), "paused" if lane["paused"] else ""]


def _say_queue(found: dict[str, Any]) -> None:
    queue, age = found["queue"], found["sweeper"]["age_s"]
    oldest = f", oldest waiting {queue['oldest_s']:.0f} s" if queue["oldest_s"] is not None else ""
    say(f"queue: {queue['runs_queued']} runs, {queue['steps_queued']} steps{oldest}")
    say(f"sweeper: {f'{age:.1f} s ago' if age is not None else 'no sweep yet'}")
