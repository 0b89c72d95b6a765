"""Fan-outs as one node: steps side by side that need the same and are needed by the same. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pulser.engine.graph import Graph, Node

DRAWN_AS_ONE_FROM = 7  # steps side by side


@dataclass(frozen=True, slots=True)
class FanOut:
    """Steps that are drawn as one node. `key` is that of the first; `name` what their keys begin with."""

    key: str
    members: tuple[str, ...]
    name: str


def fan_outs(graph: Graph) -> list[FanOut]:
    """The fan-outs of a plan, in plan order; `finally` steps run one after the other and are none."""
    alike: dict[tuple[frozenset[str], frozenset[str]], list[str]] = defaultdict(list)
    for key in graph.main:
        alike[_surroundings(graph.nodes[key])].append(key)
    return [FanOut(keys[0], tuple(keys), _common(keys)) for keys in alike.values() if len(keys) >= DRAWN_AS_ONE_FROM]


def _surroundings(node: Node) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(node.step.needs), frozenset(node.dependents)


def _common(keys: list[str]) -> str:
    """What all keys begin with, up to a whole word; empty when that is too little to tell."""
    first, last = min(keys), max(keys)
    same = next((place for place, letter in enumerate(first) if letter != last[place : place + 1]), len(first))
    return first[:same].rstrip("0123456789-_") if same > 2 else ""


def drawn_as_one(found: Collection[FanOut], *, unfolded: Collection[str]) -> Mapping[str, FanOut]:
    """For each step that is drawn with its like: their fan-out. `unfolded`: fan-outs that are shown step by step."""
    return {key: fan for fan in found if fan.key not in unfolded for key in fan.members}
