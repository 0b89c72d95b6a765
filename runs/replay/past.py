"""What a run and its steps looked like as of an event.

The log says which words, attempts, verdicts and files there were; the rows, which never change once they have ended,
say the rest. What is made here is for showing: nothing of it is ever saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from pulser.engine.fold import Entry, RunState, StepState, fold
from runs.live.moment import HISTORY, Moment, Opened, Told, graph_if_readable
from runs.models import Artifact, Attempt, Event, Proof, Run, Step
from runs.replay.light import FACTS

RUN_FIELDS = ("status", "retry_count", "reason", "stop", "cancel_count", "archived_at", "cancel_requested_at")
STEP_FIELDS = (
    "status",
    "attempt",
    "reason",
    "cause",
    "queued_at",
    "next_attempt_at",
    "deadline_at",
    "wait_kind",
    "wait_role",
    "wait_message",
    "on_timeout",
    "progress_done",
    "progress_total",
)
KEPT = frozenset(HISTORY)
# An attempt that had not ended yet: nobody knew these.
UNKNOWN = {
    "finished_at": None,
    "lease_expires": None,
    "outcome": "",
    "exit_code": None,
    "error_class": "",
    "error_message": "",
    "log_bytes": 0,
    "log_cut": False,
}


@dataclass(frozen=True, slots=True)
class Past:
    """A run as of `event`, the last that had happened by then, of `last` events that there are now.

    `steps` in plan order, with the attempts, proofs and artifacts of then in the caches of their relations; `outputs`
    are loaded on demand. `told` is the short history that a page draws from.
    """

    run: Run
    event: Event
    last: int
    state: RunState
    steps: tuple[Step, ...]
    told: tuple[Told, ...]

    @property
    def seq(self) -> int:
        return int(self.event.seq)

    @property
    def moment(self) -> Moment:
        """The same as pages take it."""
        return Moment(
            run=self.run,
            steps=self.steps,
            attempts={step.key: list(step.attempts.all()) for step in self.steps},
            told=self.told,
            now=self.event.at,
            graph=graph_if_readable(self.run.plan_version_id),
            at=self.seq,
        )


def past_of(run: Run, seq: int) -> Past | None:
    """The run as of its event `seq`; None when it has no such event. Reads the log up to there, without big values."""
    log = Event.objects.filter(run=run).up_to(seq).in_order().annotate(facts=FACTS)
    entries = [Entry(*row) for row in log.values_list("seq", "kind", "step", "attempt", "facts", "at")]
    if not entries or entries[-1].seq != seq:
        return None
    state, event = fold(entries), _event(run, entries[-1])
    told = tuple(Told(one.seq, one.kind, one.step, one.at) for one in entries if one.kind in KEPT and one.at)
    then = _run_then(run, state)
    return Past(then, event, run.seq, state, tuple(_steps_then(then, state)), told)


def _event(run: Run, entry: Entry) -> Event:
    known = {"step": entry.step, "attempt": entry.attempt, "data": entry.data, "at": entry.at}
    return Event(run=run, seq=entry.seq, kind=entry.kind, **known)


def opened(past: Past, key: str) -> Opened | None:
    """A step as it was, with what its body shows; None when the run has no such step."""
    graph = past.moment.graph
    reads = graph.nodes[key].reads if graph and key in graph.nodes else frozenset()
    load_outputs(past, {key, *reads})
    by_key = {step.key: step for step in past.steps}
    step = by_key.get(key)
    if step is None:
        return None
    upstream = {name: by_key[name] for name in reads if name in by_key}
    return Opened(step, list(step.proofs.all()), list(step.artifacts.all()), upstream)


def load_outputs(past: Past, keys: Iterable[str]) -> None:
    """Give these steps the outputs that they had then."""
    known = ((key, past.state.steps.get(key)) for key in keys)
    seqs = {state.outputs_seq: key for key, state in known if state and state.outputs_seq}
    said = Event.objects.filter(run_id=past.run.pk, seq__in=seqs).values_list("seq", "data__outputs")
    outputs = {seqs[seq]: value for seq, value in said}
    for step in past.steps:
        step.outputs = outputs.get(step.key, step.outputs)


def artifacts_then(past: Past) -> list[Artifact]:
    """What had been left by then, oldest first, each with its step."""
    found = [artifact for step in past.steps for artifact in step.artifacts.all()]
    return sorted(found, key=lambda artifact: artifact.pk)


def _run_then(run: Run, state: RunState) -> Run:
    then = copy(run)
    then._prefetched_objects_cache = {}  # type: ignore[attr-defined]
    for name in RUN_FIELDS:
        setattr(then, name, getattr(state, name))
    then.seq = state.seq
    then.queued_at = state.queued_at or run.queued_at
    then.started_at = run.started_at if state.started_at else None
    then.finished_at = state.finished_at
    then.result = run.result if state.result_seq else None  # a run that succeeded is never retried: it has one result
    return then


def _steps_then(run: Run, state: RunState) -> list[Step]:
    """The rows of the steps as they were, with what they had left by then in the caches of their relations."""
    steps = list(Step.objects.filter(run_id=run.pk).defer("outputs").in_plan_order())
    attempts = _by_step(Attempt.objects.filter(step__run_id=run.pk).order_by("step_id", "number"))
    proofs = _by_step(Proof.objects.filter(step__run_id=run.pk).order_by("step_id", "attempt", "position"))
    files = _by_step(Artifact.objects.filter(run_id=run.pk).select_related("step"))
    for step in steps:
        known = state.steps[step.key]
        _fill(step, known, run=run)
        tries = _attempts_then(attempts.get(step.pk, []), known)
        step.open_attempts = [one for one in tries if one.finished_at is None]  # type: ignore[attr-defined]
        verdicts = [p for p in proofs.get(step.pk, []) if p.position < state.verdicts[step.key, p.attempt]]
        kept = [file for file in files.get(step.pk, []) if (step.key, file.attempt, file.name) in state.artifacts]
        step._prefetched_objects_cache = {  # type: ignore[attr-defined]
            "attempts": _filled(Attempt.objects.all(), tries),
            "proofs": _filled(Proof.objects.all(), verdicts),
            "artifacts": _filled(Artifact.objects.all(), kept),
        }
    return steps


def _by_step(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.step_id, []).append(row)
    return found


def _fill(step: Step, known: StepState, *, run: Run) -> None:
    for name in STEP_FIELDS:
        setattr(step, name, getattr(known, name))
    step.run, step.outputs = run, None


def _attempts_then(tries: list[Attempt], known: StepState) -> list[Attempt]:
    """Those that had begun; of one that had not ended, nothing of its end. A lease is known while it lasts."""
    begun = [one for one in tries if one.number in known.attempts]
    for one in begun:
        if known.attempts[one.number].is_open and one.finished_at is not None:
            for name, value in UNKNOWN.items():
                setattr(one, name, value)
    return begun


def _filled(queryset: QuerySet[Any], rows: list[Any]) -> QuerySet[Any]:
    """A queryset that has these rows and asks the database for nothing."""
    queryset._result_cache, queryset._prefetch_done = rows, True  # type: ignore[attr-defined]
    return queryset
