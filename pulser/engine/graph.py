"""A plan compiled for execution: who needs whom, and which outputs each step reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pulser.language.document import Plan, Retry, Step
from pulser.language.expressions import is_unconditional, references
from pulser.language.limits import STEP_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Node:
    """A step in its place. `reads` are the steps whose outputs its arguments name, `asks` those its `if` names."""

    step: Step
    position: int
    is_finally: bool
    dependents: tuple[str, ...]
    reads: frozenset[str]
    asks: frozenset[str]
    is_unconditional: bool
    """Its `if` says always() or failed(): it is judged even when a step that it needs failed."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a plan by key, in plan order; `finally` steps come last."""

    plan: Plan
    nodes: Mapping[str, Node]
    version: int = 1

    @property
    def main(self) -> tuple[str, ...]:
        return tuple(step.id for step in self.plan.steps)

    @property
    def finals(self) -> tuple[str, ...]:
        return tuple(step.id for step in self.plan.finally_)

    @property
    def roots(self) -> tuple[str, ...]:
        return tuple(step.id for step in self.plan.steps if not step.needs)

    def descendants(self, keys: Iterable[str]) -> set[str]:
        """All steps that come after any of these, without the steps themselves unless one follows another."""
        found: set[str] = set()
        edge = [dependent for key in keys for dependent in self.nodes[key].dependents]
        while edge:
            key = edge.pop()
            if key not in found:
                found.add(key)
                edge.extend(self.nodes[key].dependents)
        return found

    def in_order(self, keys: Iterable[str]) -> list[str]:
        return sorted(keys, key=lambda key: self.nodes[key].position)

    def retry_of(self, key: str) -> Retry:
        """The step's own policy, else the plan's, else the default."""
        return self.nodes[key].step.retry or self.plan.retry or Retry()

    def timeout_of(self, key: str) -> float:
        """Seconds that one attempt may take."""
        return self.nodes[key].step.timeout or STEP_TIMEOUT_S


def compile_plan(plan: Plan, *, version: int = 1) -> Graph:
    """The graph of a checked plan; `version` is its number in the catalogue."""
    dependents: dict[str, list[str]] = {}
    for step in plan.steps:
        for need in step.needs:
            dependents.setdefault(need, []).append(step.id)
    nodes = {}
    for position, step in enumerate((*plan.steps, *plan.finally_)):
        nodes[step.id] = Node(
            step=step,
            position=position,
            is_finally=position >= len(plan.steps),
            dependents=tuple(dependents.get(step.id, ())),
            reads=references([step.with_, list(step.verify), [spec.path for spec in step.artifacts]]),
            asks=references(_as_template(step.if_)),
            is_unconditional=step.if_ is not None and is_unconditional(step.if_),
        )
    return Graph(plan=plan, nodes=nodes, version=version)


def _as_template(condition: Any) -> Any:
    """An `if` may be written without braces; references are found in templates."""
    if isinstance(condition, str) and "{{" not in condition:
        return "{{ " + condition + " }}"
    return condition
