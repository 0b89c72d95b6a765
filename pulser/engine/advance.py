"""What comes next: plan + facts -> commands. Pure: the same input gives the same commands.

Two questions, asked at different moments. `advance`: some steps ended, and these pending steps have no open need left;
which of them run? `conclude`: nothing is left to be claimed; does the run wait, clean up, or end?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulser.engine.commands import Command, Finish, Refuse, Release, Skip, Wait
from pulser.engine.graph import Graph, Node
from pulser.engine.states import RunStatus, StepStatus
from pulser.language.expressions import ExpressionError, is_condition_true

UPSTREAM_FAILED = "upstream_failed"
UPSTREAM_SKIPPED = "upstream_skipped"
CONDITION = "condition"
ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class EndedStep:
    """How a step ended. `cause` is that of its skip."""

    status: StepStatus
    cause: str = ""
    outputs: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run: params and so on as expressions see them, and the steps that have ended."""

    scope: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, EndedStep] = field(default_factory=dict)
    environment: str = "dev"
    failed: bool = False
    """Whether a main step has failed; only `finally` steps ask."""


def advance(graph: Graph, facts: RunFacts, *, ready: Iterable[str]) -> list[Command]:
    """What to do with each ready step, in plan order. Ready: pending, and all steps that it needs have ended."""
    return [_decide_step(graph, facts, key) for key in graph.in_order(ready)]


def _decide_step(graph: Graph, facts: RunFacts, key: str) -> Command:
    node = graph.nodes[key]
    if node.step.environments and facts.environment not in node.step.environments:
        return Skip(key, ENVIRONMENT, f"only in {', '.join(node.step.environments)}")
    failed, blocked = _upstream(graph, facts, node)
    if blocked and not node.is_unconditional:
        return Skip(key, *blocked)
    if node.step.if_ is None:
        return Release(key)
    try:
        passes = is_condition_true(node.step.if_, _scope(facts, node), failed=failed)
    except ExpressionError as error:
        return Refuse(key, f"`if` cannot be evaluated: {error}")
    return Release(key) if passes else Skip(key, CONDITION, f"`if` is false: {node.step.if_}")


def _upstream(graph: Graph, facts: RunFacts, node: Node) -> tuple[bool, tuple[str, str] | None]:
    """Whether something before this step failed, and why that keeps it from running, if it does."""
    if node.is_finally:
        return facts.failed, None
    ended = [(need, facts.steps[need]) for need in node.step.needs]
    for need, fact in ended:
        if fact.status == StepStatus.ERROR and not graph.nodes[need].step.continue_on_error:
            return True, (UPSTREAM_FAILED, f"{need} failed")
        if fact.status == StepStatus.CANCELLED:
            return True, (UPSTREAM_FAILED, f"{need} was cancelled")
        if fact.cause == UPSTREAM_FAILED:
            return True, (UPSTREAM_FAILED, f"{need} was skipped after a failure")
    skipped = next((need for need, fact in ended if fact.status == StepStatus.SKIPPED), None)
    return False, (UPSTREAM_SKIPPED, f"{skipped} was skipped") if skipped else None


def _scope(facts: RunFacts, node: Node) -> dict[str, Any]:
    seen = {
        key: {"status": fact.status.value, "outputs": fact.outputs}
        for key, fact in facts.steps.items()
        if key in node.asks
    }
    return {**facts.scope, "steps": seen}


@dataclass(frozen=True, slots=True)
class StepCounts:
    """How the steps of a run stand, counted.

    `busy`: queued, running, or backing off so briefly that the slot is kept. `paused`: waiting, or in a longer backoff.
    `pending`: main steps not yet judged. `next_final`: the first `finally` step that is pending.
    `failed`: keys in error. `stop`: why the run is being ended early (`cancel`, `timeout`), or nothing.
    """

    busy: int = 0
    paused: int = 0
    pending: int = 0
    next_final: str | None = None
    failed: tuple[str, ...] = ()
    stop: str = ""


def conclude(graph: Graph, counts: StepCounts, *, facts: RunFacts) -> Command | None:
    """What becomes of a run of which no step can be claimed. None: somebody is still at work.

    Raises ValueError for a run that could never end: pending steps, and nothing under way.
    """
    if counts.busy:
        return None
    if counts.paused:
        return Wait()
    if counts.pending:
        raise ValueError(f"{counts.pending} steps are pending and none is active")
    if counts.next_final:
        return advance(graph, facts, ready=[counts.next_final])[0]
    return _ending(graph, counts)


def _ending(graph: Graph, counts: StepCounts) -> Finish:
    counted = [key for key in graph.in_order(counts.failed) if not graph.nodes[key].step.continue_on_error]
    if counts.stop == "cancel":
        return Finish(RunStatus.CANCELLED)
    if counts.stop == "timeout":
        return Finish(RunStatus.ERROR, "the plan timed out")
    if counted:
        return Finish(RunStatus.ERROR, f"{counted[0]} failed")
    return Finish(RunStatus.SUCCESS)


def has_failed(graph: Graph, failed: Iterable[str], *, stop: str = "") -> bool:
    """What failed() says in a `finally` step."""
    return bool(stop) or any(not graph.nodes[key].step.continue_on_error for key in failed)
