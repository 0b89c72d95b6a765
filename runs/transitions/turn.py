"""A turn: a run, locked for one transaction. Every change of a run and its steps is made in one, and told in its log.

Lock order everywhere: lane, run, step, attempt. Whoever holds the run's row decides over its steps, so a turn may think
in Python about what it read; the WHERE of each UPDATE still names the sources of the move and the fence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from django.db import connection, transaction

from pulser.catalogue import UnreadablePlan, graph_of
from pulser.engine.graph import Graph
from pulser.engine.states import RUN_ENDED, RUN_MOVES, STEP_MOVES, RunStatus
from runs import hints
from runs.errors import MoveRefused, NotThere, PlanUnreadable
from runs.events import Entry, append, entry
from runs.signals import work_ready

COLUMNS = (
    "id, status, seq, lane_id, plan_version_id, params, environment, title, stop, cancel_count, started_at, archived_at"
)
WIDTH = COLUMNS.count(",") + 1
LOCK = f"SELECT {COLUMNS} FROM runs_run WHERE id = %s FOR UPDATE"  # noqa: S608


class Sql(NamedTuple):
    """A value that the database computes."""

    text: str
    values: tuple[Any, ...] = ()


NOW = Sql("clock_timestamp()")


def in_seconds(seconds: float) -> Sql:
    """A moment so many seconds ahead, by the database's clock."""
    return Sql("clock_timestamp() + %s * interval '1 second'", (seconds,))


class Moved(NamedTuple):
    key: str
    attempt: int


@dataclass(slots=True)
class Turn:
    """What is known of the locked run, and what has been decided about it."""

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
    entries: list[Entry] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    queued: int = 0
    """Steps that this turn made claimable."""
    others_wait: bool = True
    """Whether something is queued in the control room, as of the turn's last write; before that it is not known."""
    released: list[str] = field(default_factory=list)
    """Pending steps that may queue, not yet written: the first of them is often claimed in the same statement."""

    @property
    def graph(self) -> Graph:
        """Raises PlanUnreadable."""
        try:
            return graph_of(self.version_id)
        except UnreadablePlan as error:
            raise PlanUnreadable(str(error), version_id=self.version_id) from error

    @property
    def is_finished(self) -> bool:
        return self.status in RUN_ENDED

    def is_ending(self, key: str) -> bool:
        """Whether the run's early end is about this step: the first request ends main steps, the second all."""
        return self.cancel_count > self.graph.nodes[key].is_finally

    def emit(self, kind: str, /, *, step: str = "", attempt: int | None = None, **data: Any) -> None:
        self.entries.append(entry(kind, step=step, attempt=attempt, **data))

    def move(self, name: str, *, said: Mapping[str, Any] | None = None, **columns: Any) -> None:
        """Move the run and say so. Raises MoveRefused when its status does not allow it."""
        move = RUN_MOVES[name]
        if self.status not in move.sources:
            raise MoveRefused(
                f"a run that is {self.status} cannot {name}: it must be {' or '.join(sorted(move.sources))}"
            )
        self.status = move.target
        self.changes |= {"status": move.target, **columns}
        self.emit(move.event, **(said or {}))

    def move_steps(self, name: str, keys: Iterable[str], *, fence: int | None = None, **columns: Any) -> list[Moved]:
        """Move these steps where their status (and the fence) allows it; returns those that moved. Says nothing."""
        move = STEP_MOVES[name]
        assignments, values = assign({"status": move.target, **columns})
        guard = " AND attempt = %s" if fence is not None else ""
        statement = f"""
            UPDATE runs_step SET {assignments}
            WHERE run_id = %s AND key = ANY(%s) AND status = ANY(%s){guard} RETURNING key, attempt"""  # noqa: S608
        fences = [fence] if fence is not None else []
        moved = rows(statement, [*values, self.run_id, list(keys), sorted(move.sources), *fences])
        if move.target == "queued":
            self.queued += len(moved)
        return [Moved(*row) for row in moved]

    def release(self, keys: Iterable[str]) -> None:
        """Let pending steps queue, and say so."""
        for key in keys:
            self.released.append(key)
            self.emit("step.queued", step=key, cause="ready")

    def write_releases(self) -> None:
        """pending -> queued for what was released and is not claimed."""
        if self.released:
            self.move_steps("release", self.released, queued_at=NOW, cause="ready")
            self.released = []

    def save(self) -> None:
        """Write the log and the run's own changes; after commit, tell viewers and workers."""
        self.write_releases()
        if not self.entries and not self.changes:
            return
        changes, values = self.assignments()
        new, self.others_wait = append(self.run_id, self.entries, seq=self.seq, changes=changes, values=tuple(values))
        self.wrote(new)

    def assignments(self) -> tuple[str, list[Any]]:
        """The run's own changes as SQL that continues a SET clause, and their values."""
        clauses, values = assign(self.changes)
        return (f", {clauses}" if clauses else ""), values

    def wrote(self, seq: int) -> None:
        """All that was said and changed so far is written, up to this event; viewers hear of it after commit."""
        self.seq, self.entries, self.changes = seq, [], {}
        hints.publish_on_commit(self.run_id, seq=seq)

    def end(self) -> None:
        """The last thing before commit."""
        self.save()
        self.announce()

    def announce(self) -> None:
        """After commit, wake workers for what can be claimed now."""
        count = 1 if self.status == RunStatus.QUEUED else self.queued
        if count and not self.is_finished:
            transaction.on_commit(partial(work_ready.send, Turn, run_id=self.run_id, count=count))


@contextmanager
def turn(run_id: str) -> Iterator[Turn]:
    """Lock the run for one transaction, and write what was decided at its end. Raises NotThere."""
    with turn_by(LOCK, [run_id], run_id=run_id) as (locked, _):
        yield locked


@contextmanager
def turn_by(statement: str, values: list[Any], *, run_id: str) -> Iterator[tuple[Turn, tuple[Any, ...]]]:
    """The same with a statement of the caller's, which locks the run first and may do more.

    It returns COLUMNS, and what it returns behind them is handed on.
    """
    with transaction.atomic():
        found = rows(statement, values)
        if not found:
            raise NotThere(f"there is no run {run_id}")
        locked = from_row(found[0][:WIDTH])
        yield locked, found[0][WIDTH:]
        locked.end()


def from_row(row: tuple[Any, ...]) -> Turn:
    """A turn of a row read with COLUMNS, whose lock the caller holds."""
    run_id, status, seq, lane, version, params, environment, title, stop, count, started, archived = row
    return Turn(
        run_id=str(run_id),
        status=status,
        seq=seq,
        lane_id=lane,
        version_id=version,
        params=json.loads(params),
        environment=environment,
        title=title,
        stop=stop,
        cancel_count=count,
        has_started=started is not None,
        is_archived=archived is not None,
    )


def rows(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def assign(columns: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """`SET` clauses and their values. Column names come from code, never from outside."""
    clauses: list[str] = []
    values: list[Any] = []
    for name, value in columns.items():
        if isinstance(value, Sql):
            clauses.append(f"{name} = {value.text}")
            values.extend(value.values)
        else:
            clauses.append(f"{name} = %s")
            values.append(json.dumps(value) if isinstance(value, dict | list) else value)
    return ", ".join(clauses), values
