"""What a retry would do, told before it is done: which steps run again, which keep their outputs, what to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pulser.engine.graph import Graph
from pulser.engine.retry import steps_to_retry
from pulser.engine.states import RunStatus, StepStatus
from pulser.language.catalogue import Effect
from pulser.tools.effects import effect_of
from runs.models import Run

KEPT = {
    StepStatus.SUCCESS: "kept, outputs reused",
    StepStatus.SKIPPED: "stays skipped",
    StepStatus.ERROR: "stays failed (continue_on_error)",
}

BROKEN = (StepStatus.ERROR, StepStatus.CANCELLED)


class RetryFrom(StrEnum):
    """From where: the failed steps or a chosen one, in the same run; or from the beginning, in a new one."""

    FAILED = "failed"
    STEP = "step"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class StepPreview:
    """What happens to a step. `warning`: why somebody should look before."""

    key: str
    status: str
    effect: Effect
    runs: bool
    fate: str
    warning: str


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What another version of a plan has that this one has not; keys in plan order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def can_retry_in_place(run: Run) -> bool:
    """Whether the same run may be retried."""
    return run.status in (RunStatus.ERROR, RunStatus.CANCELLED)


def first_to_retry(graph: Graph, statuses: Mapping[str, StepStatus]) -> str | None:
    """The first step in plan order of those that make a retry necessary."""
    again = (key for key in steps_to_retry(graph, statuses) if statuses.get(key) in BROKEN)
    return next(again, None)


def preview_retry(
    graph: Graph, statuses: Mapping[str, StepStatus], *, way: RetryFrom, start: str | None = None
) -> list[StepPreview]:
    """Each step of the graph in plan order; `statuses` are those of the run so far, by key.

    `start` counts for the way from a chosen step alone. Raises KeyError when the plan has no such step.
    """
    keys = set(graph.nodes)
    if way is not RetryFrom.AGAIN:
        keys = set(steps_to_retry(graph, statuses, start=start if way is RetryFrom.STEP else None))
    return [_foreseen(graph, key, status=statuses.get(key), runs=key in keys) for key in graph.nodes]


def _foreseen(graph: Graph, key: str, *, status: StepStatus | None, runs: bool) -> StepPreview:
    effect = effect_of(graph.nodes[key].step)
    kept = KEPT.get(status, "kept") if status else ""
    return StepPreview(
        key=key,
        status=str(status or "pending"),
        effect=effect,
        runs=runs,
        fate="runs again" if runs and status not in (None, StepStatus.PENDING) else "runs" if runs else kept,
        warning=_warning(effect, status) if runs else "",
    )


def _warning(effect: Effect, status: StepStatus | None) -> str:
    """In words what a second time means."""
    if effect is Effect.IRREVERSIBLE and status is StepStatus.SUCCESS:
        return "Irreversible, and already succeeded. It would happen a second time."
    if effect is Effect.IRREVERSIBLE and status in (StepStatus.ERROR, StepStatus.CANCELLED):
        return "Irreversible, and may already have happened. Check before retrying."
    if effect is Effect.COMPENSABLE and status is StepStatus.SUCCESS:
        return "Already succeeded, and is not undone before the retry."
    return ""


def differences(before: Graph, after: Graph) -> PlanDifference:
    """Of two versions of a plan, step by step."""
    old, new = before.nodes, after.nodes
    return PlanDifference(
        added=_in_order(after, new.keys() - old.keys()),
        removed=_in_order(before, old.keys() - new.keys()),
        changed=_in_order(after, {key for key in new.keys() & old.keys() if new[key].step != old[key].step}),
    )


def _in_order(graph: Graph, keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(graph.in_order(keys))
