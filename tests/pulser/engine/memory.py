"""A run in memory: the store of `pulser.engine.store.RunStore` without a database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pulser.engine.advance import EndedStep, StepCounts
from pulser.engine.fold import LoggedEvent
from pulser.engine.graph import Graph
from pulser.engine.outcomes import AttemptEnd
from pulser.engine.retry import KEEPS_SLOT_S
from pulser.engine.scope import run_scope
from pulser.engine.states import RUN_MOVES, STEP_MOVES, RunStatus, StepStatus
from pulser.engine.store import MovedStep
from pulser.engine.times import Ahead, Now
from pulser.language.catalogue import Effect

RUN_ID, TITLE = "01900000-0000-7000-8000-000000000000", "drawn"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
IDLE = STEP_MOVES["cancel"].sources - {StepStatus.RUNNING}


class MoveRefused(Exception):
    """The run's status does not allow it."""


@dataclass(slots=True)
class StepRow:
    """A step as the database keeps it. `worker` is that of its open attempt."""

    key: str
    is_finally: bool
    open_needs: int
    status: StepStatus = StepStatus.PENDING
    reason: str = ""
    cause: str = ""
    outputs: Any = None
    attempt: int = 0
    budget_from: int = 0
    lost: int = 0
    queued_at: datetime | None = None
    next_attempt_at: datetime | None = None
    deadline_at: datetime | None = None
    wait_kind: str = ""
    wait_role: str = ""
    wait_message: str = ""
    on_timeout: str = ""
    worker: str = ""


@dataclass(slots=True)
class MemoryRun:
    """One run. Its clock stands still: it is noon."""

    graph: Graph
    params: Mapping[str, Any] = field(default_factory=lambda: {"wanted": True})
    status: str = RunStatus.QUEUED
    environment: str = "dev"
    stop: str = ""
    cancel_count: int = 0
    has_started: bool = False
    is_archived: bool = False
    rows: dict[str, StepRow] = field(default_factory=dict)
    events: list[LoggedEvent] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    claimable: set[str] = field(default_factory=set)
    released: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for key, node in self.graph.nodes.items():
            self.rows[key] = StepRow(key, node.is_finally, len(node.step.needs))
        self.emit("run.queued", steps=list(self.graph.nodes))

    @property
    def scope(self) -> Mapping[str, Any]:
        return run_scope(self.graph, run_id=RUN_ID, title=TITLE, params=self.params, environment=self.environment)

    @property
    def has_claimable(self) -> bool:
        return bool(self.claimable)

    def begin(self) -> None:
        """Another writer comes: what was made claimable before is no news to it."""
        self.claimable, self.released = set(), []

    def in_status(self, *statuses: str) -> list[str]:
        return [key for key, row in self.rows.items() if row.status in statuses]

    def effect_of(self, key: str) -> Effect:
        return self.graph.nodes[key].step.effect or Effect.IDEMPOTENT

    def read_facts(self, keys: Collection[str]) -> dict[str, EndedStep]:
        return {key: EndedStep(row.status, row.cause, row.outputs) for key, row in self.rows.items() if key in keys}

    def read_statuses(self) -> dict[str, StepStatus]:
        return {key: row.status for key, row in self.rows.items()}

    def count_steps(self) -> StepCounts:
        backoffs = [self.rows[key].next_attempt_at or NOON for key in self.in_status(StepStatus.BACKOFF)]
        short = sum(until <= NOON + timedelta(seconds=KEEPS_SLOT_S) for until in backoffs)
        pending = [self.rows[key] for key in self.in_status(StepStatus.PENDING)]
        return StepCounts(
            busy=len(self.in_status(StepStatus.QUEUED, StepStatus.RUNNING)) + short,
            paused=len(self.in_status(StepStatus.WAITING)) + len(backoffs) - short,
            pending=sum(not row.is_finally for row in pending),
            next_final=next((row.key for row in pending if row.is_finally), None),
            failed=tuple(self.in_status(StepStatus.ERROR)),
            stop=self.stop,
        )

    def find_ready(self) -> list[str]:
        rows = (self.rows[key] for key in self.in_status(StepStatus.PENDING))
        return [row.key for row in rows if row.open_needs == 0 and not row.is_finally]

    def find_idle(self) -> list[str]:
        return [key for key in self.in_status(*IDLE) if self.rows[key].is_finally < self.cancel_count]

    def waits_until(self, key: str) -> str:
        deadline = self.rows[key].deadline_at
        assert deadline is not None, f"{key} has no deadline"
        return deadline.isoformat()

    def meet_needs(self, met: Mapping[str, int]) -> list[str]:
        found = [self.rows[key] for key in self.in_status(StepStatus.PENDING) if key in met]
        for row in found:
            row.open_needs -= met[row.key]
            assert row.open_needs >= 0, f"{row.key} had fewer needs"
        return [row.key for row in found if row.open_needs == 0]

    def release(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.released.append(key)
            self.move_steps("release", [key], columns={"queued_at": Now(), "cause": "ready"})
            self.emit("step.queued", step=key, cause="ready")

    def move_steps(
        self, name: str, keys: Iterable[str], *, columns: Mapping[str, Any], fence: int | None = None
    ) -> list[MovedStep]:
        move = STEP_MOVES[name]
        asked = [self.rows[key] for key in keys]
        moved = [row for row in asked if row.status in move.sources and fence in (None, row.attempt)]
        for row in moved:
            row.status = StepStatus(move.target)
            for column, value in columns.items():
                setattr(row, column, _timed(value))
            self.claimable.discard(row.key)
            if move.target == StepStatus.QUEUED:
                self.claimable.add(row.key)
        return [MovedStep(row.key, row.attempt) for row in moved]

    def claim_step(self, worker: str) -> MovedStep | StepCounts | None:
        """queued -> running for a queued step of a running run; else how the steps stand.

        What was just released comes first: it is claimed in the statement that releases it.
        """
        if self.status != RunStatus.RUNNING:
            return None
        queued = [*self.released, *self.in_status(StepStatus.QUEUED)]
        if not queued:
            return self.count_steps()
        row, self.released = self.rows[queued[0]], []
        (moved,) = self.move_steps(
            "claim", [row.key], columns={"attempt": row.attempt + 1, "worker": worker, "reason": ""}
        )
        self.emit("step.claimed", step=row.key, attempt=row.attempt, worker=worker, cause=_cause_of_attempt(row))
        return moved._replace(attempt=row.attempt)

    def reset_steps(self, open_needs: Mapping[str, int]) -> None:
        for key, left in open_needs.items():
            row = self.rows[key]
            assert row.status in STEP_MOVES["reset"].sources, f"{key} is {row.status}"
            self.rows[key] = StepRow(key, row.is_finally, left, attempt=row.attempt, budget_from=row.attempt)

    def end_attempts(self, keys: Collection[str], end: AttemptEnd) -> dict[str, str]:
        held = {key: self.rows[key].worker for key in keys if self.rows[key].worker}
        for key in held:
            self.rows[key].worker = ""
        return held

    def close_attempt(self, key: str, end: AttemptEnd) -> None:
        """As its worker reports it; one that waits stays open."""
        if not end.waits:
            self.rows[key].worker = ""

    def move_run(self, name: str, *, data: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        move = RUN_MOVES[name]
        if self.status not in move.sources:
            raise MoveRefused(f"{name} of a run that is {self.status}")
        self.status = move.target
        self.change_run(**columns)
        self.emit(move.event, **data)

    def change_run(self, **columns: Any) -> None:
        self.columns |= {name: _timed(value) for name, value in columns.items()}
        self.stop = columns.get("stop", self.stop)
        self.cancel_count = columns.get("cancel_count", self.cancel_count)
        self.is_archived = bool(self.columns.get("archived_at"))

    def emit(self, kind: str, /, *, step: str = "", attempt: int | None = None, **data: Any) -> None:
        self.events.append(LoggedEvent(len(self.events) + 1, kind, step, attempt, data))


def _cause_of_attempt(row: StepRow) -> str:
    if row.cause != "ready":
        return row.cause
    return "first" if row.attempt == 1 else "button"


def _timed(value: Any) -> Any:
    if isinstance(value, Now):
        return NOON
    return NOON + timedelta(seconds=value.seconds) if isinstance(value, Ahead) else value
