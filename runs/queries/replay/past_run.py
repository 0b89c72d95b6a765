"""What a run and its steps looked like as of an event.

The log says which words, attempts, verdicts and files there were; the rows, which never change once they have ended,
say the rest. What is made here is for showing: nothing of it is ever saved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from pulser.engine.fold import LoggedEvent, RunState
from runs.models import Artifact, Attempt, Event, Proof, Run, Step
from runs.queries.replay.log import read_log, state_of
from runs.queries.run_snapshot import HISTORY, EventSummary, RunSnapshot, StepDetails, graph_if_readable

RUN_FIELDS = (
    "status",
    "retry_count",
    "reason",
    "stop",
    "cancel_count",
    "archived_at",
    "cancel_requested_at",
    "rested_s",
)
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
STEP_FACTS = ("run_id", "key", "position", "is_finally", "needs")
ATTEMPT_FACTS = ("step_id", "number", "started_at", "finished_at", "outcome", "exit_code", "error_message")
KEPT = frozenset(HISTORY)
NUMBERED = """
SELECT id FROM runs_attempt JOIN unnest(%s::bigint[], %s::int[]) AS wanted(step_id, number) USING (step_id, number)
"""
# An attempt that had not ended yet: nobody knew these, or nobody knows any more what they were.
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
class PastRun:
    """A run as of `event`, the last that had happened by then, of `last` events that there are now.

    `steps` in plan order; those that were read as a whole have the attempts, proofs and artifacts of then in the caches
    of their relations. `outputs` are loaded on demand. `attempts` by the key of their step, and `files` as they came.
    `told` is the short history that a page draws from.
    """

    run: Run
    event: Event
    last: int
    state: RunState
    steps: tuple[Step, ...]
    attempts: Mapping[str, Sequence[Attempt]]
    files: tuple[Artifact, ...]
    told: tuple[EventSummary, ...]

    @property
    def seq(self) -> int:
        return int(self.event.seq)

    @property
    def moment(self) -> RunSnapshot:
        """The same as pages take it."""
        return RunSnapshot(
            run=self.run,
            steps=self.steps,
            attempts=self.attempts,
            told=self.told,
            now=self.event.at,
            graph=graph_if_readable(self.run.plan_version_id),
            at=self.seq,
        )


def read_past_run(run: Run, seq: int, *, keys: Collection[str] | None = None, is_long: bool = False) -> PastRun | None:
    """The run as of its event `seq`; None when it has no such event.

    With `keys`: these steps as a whole, of others the first attempt and the last, and no proofs. `is_long`: all
    attempts of all steps. At most five queries.
    """
    entries = read_log(run.pk, seq, keys=keys, is_long=is_long)
    if not entries or entries[-1].seq != seq:
        return None
    state, event = state_of(entries), _event(run, entries[-1])
    then = _run_then(run, state)
    steps = _steps_then(then, state)
    attempts = _attempts_then(steps, state, last=run.seq, keys=[step.key for step in steps] if is_long else keys)
    files = _files_then(then, steps, state)
    _keep_relations([step for step in steps if keys is None or step.key in keys], state, attempts=attempts, files=files)
    told = tuple(EventSummary(one.seq, one.kind, one.step, one.at) for one in entries if one.kind in KEPT and one.at)
    return PastRun(then, event, run.seq, state, tuple(steps), attempts, files, told)


def _event(run: Run, entry: LoggedEvent) -> Event:
    known = {"step": entry.step, "attempt": entry.attempt, "data": entry.data, "at": entry.at}
    return Event(run=run, seq=entry.seq, kind=entry.kind, **known)


def past_step_details(past: PastRun, key: str) -> StepDetails | None:
    """A step as it was, with what its body shows; None when the run has no such step."""
    graph = past.moment.graph
    reads = graph.nodes[key].reads if graph and key in graph.nodes else frozenset()
    load_outputs(past, {key, *reads})
    by_key = {step.key: step for step in past.steps}
    step = by_key.get(key)
    if step is None:
        return None
    upstream = {name: by_key[name] for name in reads if name in by_key}
    return StepDetails(step, list(step.proofs.all()), list(step.artifacts.all()), upstream)


def load_outputs(past: PastRun, keys: Iterable[str]) -> None:
    """Give these steps the outputs that they had then."""
    known = ((key, past.state.steps.get(key)) for key in keys)
    seqs = {state.outputs_seq: key for key, state in known if state and state.outputs_seq}
    said = Event.objects.filter(run_id=past.run.pk, seq__in=seqs).values_list("seq", "data__outputs")
    outputs = {seqs[seq]: value for seq, value in said}
    for step in past.steps:
        step.outputs = outputs.get(step.key, step.outputs)


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
    """Of their rows only what never changes is read."""
    steps = list(Step.objects.filter(run_id=run.pk).only(*STEP_FACTS).in_plan_order())
    for step in steps:
        known = state.steps[step.key]
        for name in STEP_FIELDS:
            setattr(step, name, getattr(known, name))
        step.run, step.outputs = run, None
    return steps


def _attempts_then(
    steps: Sequence[Step], state: RunState, *, last: int, keys: Collection[str] | None
) -> Mapping[str, list[Attempt]]:
    """Those that had begun: all of these steps, of others the first and the last. None but the last is open.

    Of one that had not ended nothing is told of its end. Nor of its lease and its log: their growth is no event, so
    what the row of one that goes on says is true as of the run's `last` event alone.
    """
    by_pk = {step.pk: step for step in steps}
    found: dict[str, list[Attempt]] = {step.key: [] for step in steps}
    for attempt in _numbered(_numbers(steps, keys=keys), is_whole=keys is None or bool(keys)):
        step = by_pk[attempt.step_id]
        found[step.key].append(attempt)
        known = state.steps[step.key].attempts.get(attempt.number)
        if known and known.is_open and (state.seq < last or attempt.finished_at is not None):
            for name, value in UNKNOWN.items():
                setattr(attempt, name, value)
    return found


def _numbers(steps: Iterable[Step], *, keys: Collection[str] | None) -> Iterator[tuple[int, int]]:
    """Which attempts: a step's id, and a number. They are numbered from 1, without gaps."""
    for step in steps:
        is_whole = keys is None or step.key in keys
        for number in range(1, step.attempt + 1) if is_whole else {min(1, step.attempt), step.attempt} - {0}:
            yield step.pk, number


def _numbered(wanted: Iterable[tuple[int, int]], *, is_whole: bool) -> Iterable[Attempt]:
    """In the order of their numbers. Where no step is opened, with as much as its row tells."""
    pairs = list(wanted)
    chosen = RawSQL(NUMBERED, [[pk for pk, _ in pairs], [number for _, number in pairs]])  # noqa: S611 - no text in it
    attempts = Attempt.objects.filter(pk__in=chosen).order_by("step_id", "number")
    return attempts if is_whole else attempts.only(*ATTEMPT_FACTS)


def _files_then(run: Run, steps: Iterable[Step], state: RunState) -> tuple[Artifact, ...]:
    """What had been left by then, oldest first, each with its step."""
    if not state.artifacts:
        return ()
    by_pk = {step.pk: step for step in steps}
    files = list(Artifact.objects.filter(run_id=run.pk))
    for file in files:
        file.step = by_pk[file.step_id]
    return tuple(file for file in files if (file.step.key, file.attempt, file.name) in state.artifacts)


def _keep_relations(
    steps: Sequence[Step], state: RunState, *, attempts: Mapping[str, list[Attempt]], files: Iterable[Artifact]
) -> None:
    """In the caches of these steps, where templates and builders look for them."""
    proofs, kept = _by_step(_proofs_of(steps)), _by_step(files)
    for step in steps:
        for attempt in attempts[step.key]:
            attempt.step = step
        verdicts = [p for p in proofs.get(step.pk, []) if p.position < state.verdicts[step.key, p.attempt]]
        step._prefetched_objects_cache = {  # type: ignore[attr-defined]
            "attempts": _filled(Attempt.objects.all(), attempts[step.key]),
            "proofs": _filled(Proof.objects.all(), verdicts),
            "artifacts": _filled(Artifact.objects.all(), kept.get(step.pk, [])),
        }


def _proofs_of(steps: Sequence[Step]) -> Iterable[Proof]:
    if not steps:
        return ()
    return Proof.objects.filter(step__in=[step.pk for step in steps]).order_by("step_id", "attempt", "position")


def _by_step(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.step_id, []).append(row)
    return found


def _filled(queryset: QuerySet[Any], rows: list[Any]) -> QuerySet[Any]:
    """A queryset that has these rows and asks the database for nothing."""
    queryset._result_cache, queryset._prefetch_done = rows, True  # type: ignore[attr-defined]
    return queryset
