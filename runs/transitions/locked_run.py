"""A run, locked for one transaction. Every change of a run and its steps is made in one, and told in its log.

Lock order everywhere: lane, run, step, attempt. Whoever holds the run's row decides over its steps, so what was read of
them stays true until the commit; the WHERE of each UPDATE still names the sources of the move and the fence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

from pulser.catalogue import IncompatiblePlan, compiled_plan
from pulser.engine.advance import EndedStep, StepCounts
from pulser.engine.graph import Graph
from pulser.engine.outcomes import AttemptEnd
from pulser.engine.scope import run_scope
from pulser.engine.states import RUN_ENDED, RUN_MOVES, STEP_MOVES, Move, RunStatus, StepStatus
from pulser.engine.store import MovedStep
from pulser.engine.times import NOW
from pulser.language.catalogue import Effect
from pulser.tools.effects import effect_of
from runs import hints
from runs.errors import MoveRefused, NotFound, UnsupportedPlan
from runs.events import NewEvent, append_events, entry, rfc3339
from runs.signals import work_ready
from runs.sql import Assignments, assign, column, first, rows
from runs.transitions.sql.attempts import END_ATTEMPTS, EndedAttempt
from runs.transitions.sql.claims import ClaimRow
from runs.transitions.sql.runs import LOCK_RUN, RunRow
from runs.transitions.sql.steps import (
    COUNT_STEPS,
    COUNT_VALUES,
    FIND_IDLE,
    FIND_READY,
    MEET_NEEDS,
    READ_DEADLINE,
    READ_FACTS,
    READ_STATUSES,
    RESET_STEPS,
    CountsRow,
    FactRow,
    OpenNeeds,
    move_steps,
    move_values,
)
from runs.transitions.sql.success import SuccessRow

FoundRun = TypeVar("FoundRun", RunRow, SuccessRow)


@dataclass(slots=True)
class LockedRun:
    """`pulser.engine.store.RunStore` in PostgreSQL: what is known of the run, and what was decided about it.

    Events, changes of the run and releases are collected, and written together by `save`, or by a claim.
    """

    run_id: str
    status: str
    seq: int
    lane_id: int
    version_id: int
    params: dict[str, Any]
    environment: str
    title: str
    stop: str
    cancel_count: int
    has_started: bool
    is_archived: bool
    events: list[NewEvent] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    claimable: set[str] = field(default_factory=set)
    """Steps that were made claimable in this transaction, and not claimed."""
    released: list[str] = field(default_factory=list)
    """Those of them that are not written yet: the first is often claimed in the same statement."""
    others_wait: bool = True
    """Whether something is queued in the control room, as of the last write; before that it is not known."""

    @classmethod
    def of(cls, row: RunRow | SuccessRow) -> LockedRun:
        """Of a row whose lock the caller holds."""
        return cls(
            run_id=str(row.id),
            status=row.status,
            seq=row.seq,
            lane_id=row.lane_id,
            version_id=row.plan_version_id,
            params=json.loads(row.params),
            environment=row.environment,
            title=row.title,
            stop=row.stop,
            cancel_count=row.cancel_count,
            has_started=row.started_at is not None,
            is_archived=row.archived_at is not None,
        )

    @property
    def graph(self) -> Graph:
        """Raises UnsupportedPlan."""
        try:
            return compiled_plan(self.version_id)
        except IncompatiblePlan as error:
            raise UnsupportedPlan(str(error), version_id=self.version_id) from error

    @property
    def scope(self) -> Mapping[str, Any]:
        given = {"run_id": self.run_id, "title": self.title, "environment": self.environment}
        return run_scope(self.graph, params=self.params, **given)

    @property
    def is_finished(self) -> bool:
        return self.status in RUN_ENDED

    @property
    def has_claimable(self) -> bool:
        return bool(self.claimable)

    def effect_of(self, key: str) -> Effect:
        return effect_of(self.graph.nodes[key].step)

    def read_facts(self, keys: Collection[str]) -> dict[str, EndedStep]:
        return read_facts(self.run_id, keys)

    def read_statuses(self) -> dict[str, StepStatus]:
        return {key: StepStatus(status) for key, status in rows(READ_STATUSES, {"run_id": self.run_id})}

    def count_steps(self) -> StepCounts:
        self._write_releases()
        (row,) = rows(COUNT_STEPS, {"run_id": self.run_id, **COUNT_VALUES}, as_=CountsRow)
        return self.counts_of(row)

    def counts_of(self, row: CountsRow | ClaimRow | SuccessRow) -> StepCounts:
        return StepCounts(row.busy or 0, row.paused, row.pending, row.next_final, tuple(row.failed), self.stop)

    def find_ready(self) -> list[str]:
        return column(FIND_READY, {"run_id": self.run_id})

    def find_idle(self) -> list[str]:
        return column(FIND_IDLE, {"run_id": self.run_id, "cancel_count": self.cancel_count})

    def waits_until(self, key: str) -> str:
        (deadline,) = column(READ_DEADLINE, {"run_id": self.run_id, "key": key})
        return rfc3339(deadline)

    def meet_needs(self, met: Mapping[str, int]) -> list[str]:
        values = {"run_id": self.run_id, "keys": list(met), "met": list(met.values())}
        return [step.key for step in rows(MEET_NEEDS, values, as_=OpenNeeds) if step.left == 0]

    def release(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.released.append(key)
            self.claimable.add(key)
            self.emit("step.queued", step=key, cause="ready")

    def _write_releases(self) -> None:
        """pending -> queued for what was released and is not claimed."""
        if self.released:
            self.move_steps("release", self.released, columns={"queued_at": NOW, "cause": "ready"})
            self.released = []

    def move_steps(
        self, name: str, keys: Iterable[str], *, columns: Mapping[str, Any], fence: int | None = None
    ) -> list[MovedStep]:
        statement = move_steps(name, assign(columns).text, fenced=fence is not None)
        values = move_values(self.run_id, list(keys), fence=fence, columns=dict(columns))
        moved = rows(statement, values, as_=MovedStep)
        keys = {step.key for step in moved}
        if STEP_MOVES[name].target == StepStatus.QUEUED:
            self.claimable |= keys
        else:
            self.claimable -= keys
        return moved

    def reset_steps(self, open_needs: Mapping[str, int]) -> None:
        values = {"run_id": self.run_id, "keys": list(open_needs), "open_needs": list(open_needs.values())}
        rows(RESET_STEPS, values)

    def end_attempts(self, keys: Collection[str], end: AttemptEnd) -> dict[str, str]:
        said = {"outcome": end.outcome, "error_class": end.error_class, "message": end.message}
        ended = rows(END_ATTEMPTS, {"run_id": self.run_id, "keys": list(keys), **said}, as_=EndedAttempt)
        return {attempt.key: attempt.worker for attempt in ended}

    def move_run(self, name: str, *, data: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        """Move the run and say so. Raises MoveRefused when its status does not allow it."""
        move = RUN_MOVES[name]
        if self.status not in move.sources:
            raise MoveRefused(_refusal(move, name=name, status=self.status))
        self.status = move.target
        self.change_run(status=move.target, **columns)
        self.emit(move.event, **data)

    def change_run(self, **columns: Any) -> None:
        self.changes |= columns
        self.stop = columns.get("stop", self.stop)
        self.cancel_count = columns.get("cancel_count", self.cancel_count)

    def emit(self, kind: str, /, *, step: str = "", attempt: int | None = None, **data: Any) -> None:
        self.events.append(entry(kind, step=step, attempt=attempt, **data))

    def assignments(self) -> Assignments:
        """The run's own changes as SQL that continues a `SET` clause."""
        text, values = assign(self.changes)
        return Assignments(f", {text}" if text else "", values)

    def save(self) -> None:
        """Write the log and the run's own changes; after commit, viewers hear of it."""
        self._write_releases()
        if self.events or self.changes:
            self.others_wait = append_events(self.run_id, self.events, seq=self.seq, changes=self.changes)
            self.note_written(self.seq + len(self.events))

    def note_written(self, seq: int) -> None:
        """All that was said and changed so far is written, up to this event."""
        self.seq, self.events, self.changes = seq, [], {}
        hints.publish_on_commit(self.run_id, seq=seq)

    def note_claimed(self, key: str) -> None:
        """This step was claimed; all that was released before is written with it."""
        self.claimable.discard(key)
        self.released = []

    def end(self) -> None:
        """The last thing before commit: write, and wake workers for what can be claimed after it."""
        self.save()
        count = 1 if self.status == RunStatus.QUEUED else len(self.claimable)
        if count and not self.is_finished:
            transaction.on_commit(partial(work_ready.send, LockedRun, run_id=self.run_id, count=count))


STATUS_WORDS = {"error": "failed", "success": "successful"}
MOVED = {
    "start": "started",
    "wait": "suspended",
    "resume": "resumed",
    "succeed": "completed",
    "fail": "failed",
    "cancel": "cancelled",
    "retry": "retried",
}


def _refusal(move: Move, *, name: str, status: str) -> str:
    """`only cancelled or failed runs can be retried; this run is running`."""
    allowed = " or ".join(sorted(STATUS_WORDS.get(source, source) for source in move.sources))
    return f"only {allowed} runs can be {MOVED[name]}; this run is {STATUS_WORDS.get(status, status)}"


@contextmanager
def lock_run(run_id: str) -> Iterator[LockedRun]:
    """Lock the run for one transaction, and write what was decided at its end. Raises NotFound."""
    with lock_run_by(LOCK_RUN, {"run_id": run_id}, as_=RunRow) as (locked, _):
        yield locked


@contextmanager
def lock_run_by(
    statement: str, values: Mapping[str, Any], *, as_: Callable[..., FoundRun]
) -> Iterator[tuple[LockedRun, FoundRun]]:
    """The same with a statement of the caller's, which locks the run first and may do more. Yields its row as well."""
    with transaction.atomic():
        row = first(statement, values, as_=as_)
        if row is None:
            raise NotFound(f"run {values['run_id']} not found")
        locked = LockedRun.of(row)
        yield locked, row
        locked.end()


def read_facts(run_id: str, keys: Collection[str]) -> dict[str, EndedStep]:
    """How these steps of a run stand, with their outputs."""
    if not keys:
        return {}
    found = rows(READ_FACTS, {"run_id": run_id, "keys": list(keys)}, as_=FactRow)
    return {
        row.key: EndedStep(StepStatus(row.status), row.cause, None if row.outputs is None else json.loads(row.outputs))
        for row in found
    }
