"""The plans that are benched, as documents."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

FIBONACCI = {"function": "bench.work:fibonacci", "args": {"n": 10}}


def plan(slug: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {"pulser": 1, "slug": slug, "title": slug, "lane": "A", "steps": steps}


def chain(length: int) -> dict[str, Any]:
    """Light steps, one after the other."""
    steps: list[dict[str, Any]] = [{"id": f"s{n}", "uses": "python", "with": FIBONACCI} for n in range(length)]
    for before, step in pairwise(steps):
        step["needs"] = [before["id"]]
    return plan(f"chain-{length}", steps)


def clock() -> dict[str, Any]:
    """One step that tells when it began."""
    return plan("clock", [{"id": "look", "uses": "python", "with": {"function": "bench.work:now"}}])


def single() -> dict[str, Any]:
    return plan("single", [{"id": "only", "uses": "python", "with": FIBONACCI}])


def fan(width: int) -> dict[str, Any]:
    """Parallel steps and a join."""
    steps: list[dict[str, Any]] = [{"id": f"p{n}", "uses": "python", "with": FIBONACCI} for n in range(width)]
    join = {"id": "join", "uses": "python", "with": FIBONACCI, "needs": [step["id"] for step in steps]}
    return plan(f"fan-{width}", [*steps, join])
