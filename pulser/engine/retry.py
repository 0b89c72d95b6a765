"""When a step is tried again by itself, and which steps run again when a person says so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulser.engine.graph import Graph
from pulser.engine.states import StepStatus
from pulser.language.catalogue import Effect, ErrorClass
from pulser.language.document import Retry
from pulser.language.limits import LOST_ATTEMPTS

KEEPS_SLOT_S = 5.0  # a backoff up to this long keeps the lane's slot


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """Another attempt, after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Park:
    """No machine may decide: a person is asked."""

    reason: str


def decide_retry(
    policy: Retry, error_class: ErrorClass, *, tries: int, effect: Effect, explicit: bool, chance: float
) -> RetryDecision | None:
    """Whether a failed attempt is followed by another one.

    `tries`: attempts of the present budget, this one included. `explicit`: the step names a retry policy of its own; an
    irreversible step without one is tried once. `chance`: random, 0 <= chance < 1: half of each pause is fixed, half is
    left to it.
    """
    if error_class not in policy.on or tries >= most_tries(policy, effect=effect, explicit=explicit):
        return None
    pause = min(policy.initial * _power(policy.factor, tries - 1), policy.max)
    return RetryDecision(delay=pause / 2 + pause / 2 * chance)


def most_tries(policy: Retry, *, effect: Effect, explicit: bool) -> int:
    """How often a step that fails is tried before a person has to say so. `explicit`: as above."""
    return 1 if effect == Effect.IRREVERSIBLE and not explicit else policy.max_attempts


def _power(factor: float, exponent: int) -> float:
    try:
        return factor**exponent
    except OverflowError:
        return float("inf")


def decide_lost(policy: Retry, *, tries: int, lost: int, effect: Effect) -> RetryDecision | Park | None:
    """What follows an attempt whose worker vanished. `lost` counts such attempts of the budget, this one included.

    No pause: the lease that ran out was one.
    """
    if effect == Effect.IRREVERSIBLE:
        return Park("worker lost, and the step is irreversible: check whether it took effect")
    if lost >= LOST_ATTEMPTS:
        return Park(f"{lost} workers were lost during this step")
    if ErrorClass.LOST not in policy.on or tries >= policy.max_attempts:
        return None
    return RetryDecision(delay=0.0)


def decide_handed_back(effect: Effect) -> RetryDecision | Park:
    """What follows an attempt that a stopping worker gave up. No policy is asked: nothing has failed."""
    if effect == Effect.IRREVERSIBLE:
        return Park("worker stopped, and the step is irreversible: check whether it took effect")
    return RetryDecision(delay=0.0)


def steps_to_retry(graph: Graph, statuses: Mapping[str, StepStatus], *, start: str | None = None) -> list[str]:
    """The steps that run again, in plan order: what failed or was cancelled, all that comes after it, and `finally`.

    With `start`, that step and all that comes after it as well. Raises KeyError when the plan has no such step.
    """
    again = {key for key, status in statuses.items() if _counts_as_failed(graph, key, status)}
    if start is not None:
        again.add(graph.nodes[start].step.id)
    again |= graph.descendants(again)
    return graph.in_order(again | set(graph.finals))


def _counts_as_failed(graph: Graph, key: str, status: StepStatus) -> bool:
    if status == StepStatus.ERROR:
        return not graph.nodes[key].step.continue_on_error
    return status == StepStatus.CANCELLED
