"""What went wrong first, and what only followed from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pulser.engine.advance import UPSTREAM_FAILED
from pulser.engine.graph import Graph
from pulser.engine.states import StepStatus


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """A step's status, and in one word why it is so."""

    status: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class FailedStep:
    """A step that failed, and in plan order the steps that were skipped because of it.

    `after`: an earlier failure that lies upstream of it, or before it for a `finally` step; None when it stands alone.
    """

    key: str
    skipped: tuple[str, ...] = ()
    after: str | None = None


def root_failures(graph: Graph, steps: Mapping[str, StepOutcome], *, order: Sequence[str]) -> list[FailedStep]:
    """The failures that count, the first cause first: steps in error that were not allowed to fail.

    `order`: keys of steps as they failed, oldest first; a step that failed twice counts as of its last time.
    A step that was skipped after several failures is told of the earliest.
    """
    failed = _in_order(graph, steps, order)
    below = {key: graph.descendants([key]) for key in failed}
    followers: dict[str, list[str]] = {key: [] for key in failed}
    for key in graph.in_order(_skipped(steps)):
        if first := next((earlier for earlier in failed if key in below[earlier]), None):
            followers[first].append(key)
    return [
        FailedStep(key, tuple(followers[key]), _after(graph, key, earlier=failed[:number], below=below))
        for number, key in enumerate(failed)
    ]


def _in_order(graph: Graph, steps: Mapping[str, StepOutcome], order: Sequence[str]) -> list[str]:
    last = {key: number for number, key in enumerate(order)}
    failed = [key for key in graph.nodes if key in steps and _counts(graph, key, steps[key])]
    return sorted(failed, key=lambda key: (last.get(key, len(order)), graph.nodes[key].position))


def _counts(graph: Graph, key: str, outcome: StepOutcome) -> bool:
    return outcome.status == StepStatus.ERROR and not graph.nodes[key].step.continue_on_error


def _skipped(steps: Mapping[str, StepOutcome]) -> Iterable[str]:
    return (key for key, one in steps.items() if (one.status, one.cause) == (StepStatus.SKIPPED, UPSTREAM_FAILED))


def _after(graph: Graph, key: str, *, earlier: Sequence[str], below: Mapping[str, set[str]]) -> str | None:
    if graph.nodes[key].is_finally:
        return earlier[0] if earlier else None
    return next((one for one in earlier if key in below[one]), None)
