"""The plans that are benched, as documents."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

Step = dict[str, Any]


def call(name: str, function: str, **arguments: Any) -> Step:
    return {"id": name, "uses": "python", "with": {"function": f"bench.work:{function}", "args": arguments}}


def light(name: str) -> Step:
    return call(name, "fibonacci", n=10)


def plan(slug: str, steps: list[Step]) -> dict[str, Any]:
    return {"pulser": 1, "slug": slug, "title": slug, "lane": "A", "steps": steps}


def chained(steps: list[Step]) -> list[Step]:
    """One after the other."""
    for before, step in pairwise(steps):
        step["needs"] = [before["id"]]
    return steps


def chain(length: int) -> dict[str, Any]:
    """Light steps, one after the other."""
    return plan(f"chain-{length}", chained([light(f"s{n}") for n in range(length)]))


def long_chain(length: int) -> dict[str, Any]:
    """Steps that work for about a second each, one after the other, and say for how long."""
    return plan(f"long-{length}", chained([call(f"s{n}", "timed_fibonacci", n=33) for n in range(length)]))


def slow_chain(length: int, *, pause_s: float) -> dict[str, Any]:
    """Steps that wait, one after the other: each end is an event that stands alone in time."""
    return plan(f"slow-{length}", chained([call(f"s{n}", "rest", seconds=pause_s) for n in range(length)]))


def fan(width: int) -> dict[str, Any]:
    """Parallel light steps and a join."""
    return plan(f"fan-{width}", _joined([light(f"p{n}") for n in range(width)]))


def resting_fan(width: int, *, pause_s: float) -> dict[str, Any]:
    """Parallel steps that wait, and a join."""
    return plan(f"resting-{width}", _joined([call(f"p{n}", "rest", seconds=pause_s) for n in range(width)]))


def _joined(steps: list[Step]) -> list[Step]:
    return [*steps, light("join") | {"needs": [step["id"] for step in steps]}]


def clock() -> dict[str, Any]:
    """One step that tells when it began."""
    return plan("clock", [call("look", "now")])


def single() -> dict[str, Any]:
    return plan("single", [light("only")])


def stored(slug: str = "stored", *, length: int = 2, end: str = "success") -> dict[str, Any]:
    """What fills the database: a few steps. With `end="error"` the last one fails."""
    last = call("last", "fail") | {"retry": {"max_attempts": 1}} if end == "error" else light("last")
    return plan(slug, chained([*(light(f"s{number}") for number in range(1, length)), last]))


def sign_off(slug: str) -> dict[str, Any]:
    """One step, which waits for a person for a day."""
    wait = {"id": "wait", "uses": "approval", "with": {"role": "operator", "message": "Go on?", "timeout": "24h"}}
    return plan(slug, [wait])
