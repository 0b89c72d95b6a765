"""A run with what its page shows, at one moment: as it is now, or as it was.

Whatever makes a `RunSnapshot`, rows or a fold of events, the same presenters and templates show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Prefetch, Q
from django.utils import timezone

from pulser.catalogue import IncompatiblePlan, compiled_plan
from pulser.engine.graph import Graph
from pulser.engine.states import StepStatus
from runs.models import Artifact, Attempt, Event, Proof, Run, Step

# The kinds that tell when a run had a slot, when a step waited without a worker, and in which order steps failed.
# Even a long run has few of them: what else happened to its steps is not read for its page.
HISTORY = (
    "run.queued",
    "run.started",
    "run.waiting",
    "run.resumed",
    "run.retried",
    "run.succeeded",
    "run.failed",
    "run.cancelled",
    "step.suspended",
    "step.failed",
)


@dataclass(frozen=True, slots=True)
class EventSummary:
    """An event without its data."""

    seq: int
    kind: str
    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """All instances may be unsaved ones; nothing is read by way of them, but for the run's plan, lane and session.

    `steps` in plan order, without outputs unless a body is shown. `attempts` by the key of their step, oldest first.
    `told`: events of the kinds in `HISTORY`, in order. `at`: the seq of the event that it is as of; None: now.
    """

    run: Run
    steps: Sequence[Step]
    attempts: Mapping[str, Sequence[Attempt]]
    told: Sequence[EventSummary]
    now: datetime
    graph: Graph | None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class StepDetails:
    """A step with all that its body shows; the proofs and artifacts of all attempts, oldest first."""

    step: Step
    proofs: Sequence[Proof] = ()
    artifacts: Sequence[Artifact] = ()
    upstream: Mapping[str, Step] = field(default_factory=dict)
    """The steps whose outputs its arguments read, with these outputs."""


def read_run_snapshot(run: Run, *, keys: Iterable[str] | None = None, is_brief: bool = False) -> RunSnapshot:
    """The run as it is now. Three queries at most.

    With `keys`: attempts of these steps alone, those that are open, and those that a step has failed with. `is_brief`:
    of each step the first attempt and the last, which is not enough for a waterfall. Steps come without outputs: each
    may have a megabyte.
    """
    steps = list(run.steps.in_plan_order().defer("outputs"))
    attempts = Attempt.objects.filter(step__run=run).order_by("step", "number")
    if keys is not None:
        failed = Q(step__status=StepStatus.ERROR, number=F("step__attempt"))
        attempts = attempts.filter(Q(step__key__in=list(keys)) | Q(finished_at=None) | failed)
    if is_brief:
        attempts = attempts.filter(Q(number=1) | Q(number=F("step__attempt")))
    by_step: dict[int, list[Attempt]] = {step.pk: [] for step in steps}
    for attempt in attempts:
        by_step.setdefault(attempt.step_id, []).append(attempt)
    return RunSnapshot(
        run=run,
        steps=steps,
        attempts={step.key: by_step[step.pk] for step in steps},
        told=read_history(run, is_long=keys is None and not is_brief),
        now=timezone.now(),
        graph=graph_if_readable(run.plan_version_id),
    )


def read_history(run: Run, *, is_long: bool = True) -> list[EventSummary]:
    """The events that a moment keeps; the short history has failures alone."""
    events = Event.objects.filter(run=run, kind__in=HISTORY if is_long else ["step.failed"]).in_order()
    return [EventSummary(*row) for row in events.values_list("seq", "kind", "step", "at")]


def graph_if_readable(version_id: int) -> Graph | None:
    """The plan's graph; None for a document that this release no longer understands."""
    try:
        return compiled_plan(version_id)
    except IncompatiblePlan:
        return None


def read_step_details(moment: RunSnapshot, key: str) -> StepDetails | None:
    """A step as it is now, with what its body shows; None when there is none. Four queries."""
    reads = moment.graph.nodes[key].reads if moment.graph and key in moment.graph.nodes else frozenset()
    shown = moment.run.steps.filter(key__in={key, *reads}).prefetch_related(
        Prefetch("proofs", Proof.objects.filter(step__key=key)),
        Prefetch("artifacts", Artifact.objects.filter(step__key=key)),
    )
    found = {step.key: step for step in shown}
    step = found.pop(key, None)
    return StepDetails(step, list(step.proofs.all()), list(step.artifacts.all()), found) if step else None
