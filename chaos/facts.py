"""What the database says in the end, as plain values: the checks are functions over these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from pulser.engine.fold import LoggedEvent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AttemptFact:
    number: int
    worker: str = ""
    outcome: str = ""
    started: float = 0.0
    finished: float | None = None
    """Seconds since 1970, by the database's clock; None while it is open."""
    has_lease: bool = False


@dataclass(frozen=True, slots=True)
class StepFact:
    key: str
    status: str = "success"
    needs: tuple[str, ...] = ()
    attempt: int = 0
    reason: str = ""
    outputs: Any = None
    is_finally: bool = False
    wait_role: str = ""
    wait_message: str = ""
    deadline: datetime | None = None
    attempts: tuple[AttemptFact, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFact:
    id: str
    plan: str = ""
    title: str = ""
    status: str = "success"
    seq: int = 0
    retry_count: int = 0
    is_stopped: bool = False
    is_archived: bool = False
    steps: Mapping[str, StepFact] = field(default_factory=dict)
    events: Sequence[LoggedEvent] = ()


RUNS = """
SELECT r.id::text, p.slug AS plan, r.title, r.status, r.seq, r.retry_count, r.stop <> '' AS is_stopped,
       r.archived_at IS NOT NULL AS is_archived
FROM runs_run r JOIN pulser_planversion v ON v.id = r.plan_version_id JOIN pulser_plan p ON p.id = v.plan_id
ORDER BY r.id
"""
STEPS = """
SELECT id AS step_id, run_id::text, key, status, needs, attempt, reason, outputs, is_finally, wait_role, wait_message,
       deadline_at AS deadline
FROM runs_step ORDER BY run_id, position
"""
ATTEMPTS = """
SELECT step_id, number, worker, outcome, extract(epoch FROM started_at)::float AS started,
       extract(epoch FROM finished_at)::float AS finished, lease_expires IS NOT NULL AS has_lease
FROM runs_attempt ORDER BY step_id, number
"""
EVENTS = "SELECT run_id::text, seq, kind, step, attempt, data FROM runs_event ORDER BY run_id, seq"

Row = dict[str, Any]


def read(database_url: str) -> list[RunFact]:
    """Everything, as of one moment."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        runs, steps, attempts, events = (
            connection.execute(question).fetchall() for question in (RUNS, STEPS, ATTEMPTS, EVENTS)
        )
    attempts_of = _grouped(attempts, "step_id", lambda row: AttemptFact(**row))
    steps_of = _grouped(steps, "run_id", lambda row: _step(row, attempts_of))
    events_of = _grouped(events, "run_id", lambda row: LoggedEvent(**row))
    return [
        RunFact(**run, steps={step.key: step for step in steps_of[run["id"]]}, events=events_of[run["id"]])
        for run in runs
    ]


def _step(row: Row, attempts_of: Mapping[int, Sequence[AttemptFact]]) -> StepFact:
    step_id = row.pop("step_id")
    return StepFact(**row | {"needs": tuple(row["needs"])}, attempts=tuple(attempts_of[step_id]))


def _grouped(rows: Sequence[Row], by: str, make: Callable[[Row], T]) -> dict[Any, list[T]]:
    found: dict[Any, list[T]] = defaultdict(list)
    for row in rows:
        found[row.pop(by)].append(make(row))
    return found
