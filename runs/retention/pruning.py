"""Pruning: what ended before a moment goes for good, a bounded batch in a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from runs.commands.start import KEEP_KEYS_DAYS
from runs.retention import folders
from runs.sql import rows

BATCH_RUNS = 100
BATCH_EVENTS = 20_000  # in one transaction; how many there are tells how much there is of all else
BATCH_LOOSE = 1_000  # rows that belong to no run
LOCK = 0x7072756E  # an advisory lock of this database: two who prune take turns, batch by batch


class Part(NamedTuple):
    """A table that is pruned: which rows, and an expression for the bytes of one's content as it is stored."""

    table: str
    which: str
    size: str


STEPS = "SELECT id FROM runs_step WHERE run_id = ANY(%s::uuid[])"
OF_RUNS = {  # children first
    "log": Part(
        "runs_logchunk",
        f"attempt_id IN (SELECT id FROM runs_attempt WHERE step_id IN ({STEPS}))",  # noqa: S608
        "pg_column_size(data)",
    ),
    "attempts": Part("runs_attempt", f"step_id IN ({STEPS})", "pg_column_size(error_message)"),
    "proofs": Part("runs_proof", f"step_id IN ({STEPS})", "pg_column_size(evidence)"),
    "artifacts": Part("runs_artifact", "run_id = ANY(%s::uuid[])", "size"),
    "steps": Part("runs_step", "run_id = ANY(%s::uuid[])", "coalesce(pg_column_size(outputs), 0)"),
    "events": Part("runs_event", "run_id = ANY(%s::uuid[])", "pg_column_size(data)"),
    "deliveries": Part("runs_delivery", "run_id = ANY(%s::uuid[])", "pg_column_size(body)"),
    "runs": Part("runs_run", "id = ANY(%s::uuid[])", "pg_column_size(params) + coalesce(pg_column_size(result), 0)"),
}
LOOSE = {  # by the key of the table
    "deliveries": ("id", Part("runs_delivery", "run_id IS NULL AND received_at < %s", "pg_column_size(body)")),
    "sign-ins": ("session_key", Part("django_session", "expire_date < %s", "pg_column_size(session_data)")),
}

ENDED = """
SELECT id::text AS run_id, seq, finished_at FROM runs_run
WHERE finished_at < %(before)s AND (finished_at, id) > (%(after_time)s, %(after_id)s::uuid)
  AND (idempotency_key = '' OR created_at < clock_timestamp() - %(keep_days)s * interval '1 day')
ORDER BY finished_at, id LIMIT %(limit)s"""
ORPHAN_CHILDREN = "UPDATE runs_run SET parent_id = NULL WHERE parent_id = ANY(%s::uuid[]) AND id <> ALL(%s::uuid[])"


@dataclass(frozen=True, slots=True)
class RemovedCount:
    """Rows, and the bytes of their content."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: RemovedCount) -> RemovedCount:
        return RemovedCount(self.rows + other.rows, self.bytes + other.bytes)


Removed = dict[str, RemovedCount]
Place = tuple[datetime, str]
BEGINNING: Place = (datetime(1970, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000")


def moment_before(seconds: float) -> datetime:
    """So long ago, by the database's clock."""
    found: datetime = rows("SELECT clock_timestamp() - %s::float8 * interval '1 second'", [seconds])[0][0]
    return found


def prune(before: datetime, *, dry_run: bool = False) -> Iterator[Removed]:
    """Remove what ended before that moment, archived or not; yields what went, by part, after each batch's commit.

    A run goes whole: with steps, attempts, log, events, proofs, artifacts and deliveries, then its files. What has not
    ended stays, and so does a run whose idempotency key is still held. `dry_run` counts, and changes nothing.
    """
    place: Place | None = BEGINNING
    while place is not None:
        removed, place = _prune_runs(before, place, dry_run=dry_run)
        yield removed
    for name in LOOSE:
        yield from _prune_loose(name, before, dry_run=dry_run)
    if not dry_run:
        for count in folders.remove_orphans(artifacts_root(), born_before=before):
            yield {"orphaned folders": RemovedCount(count)}
        for _ in folders.empty_trash(artifacts_root()):
            yield {}


def artifacts_root() -> Path:
    """Where the workers store the files of artifacts, a folder for each run."""
    return Path(settings.MEDIA_ROOT) / "artifacts"


def _prune_runs(before: datetime, place: Place, *, dry_run: bool) -> tuple[Removed, Place | None]:
    """One batch beyond that place; where the next begins, None when this was the last."""
    lock = "" if dry_run else " FOR UPDATE SKIP LOCKED"  # what somebody holds may be about to start again
    with nullcontext() if dry_run else transaction.atomic():
        if not dry_run:
            _take_turns()
        after_time, after_id = place
        after = {"after_time": after_time, "after_id": after_id}
        values = {"before": before, "keep_days": KEEP_KEYS_DAYS, "limit": BATCH_RUNS, **after}
        found = rows(ENDED + lock, values)
        batch = _fitting(found)
        removed = _remove_runs([run_id for run_id, *_ in batch], dry_run=dry_run)
    if not dry_run:
        for run_id, *_ in batch:
            folders.move_to_trash(artifacts_root(), run_id)
            folders.move_to_trash(Path(settings.WORK_DIR), run_id)
    is_last = len(batch) == len(found) < BATCH_RUNS
    return removed, None if is_last else (batch[-1][2], batch[-1][0])


def _take_turns() -> None:
    rows("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _fitting(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """As many as one transaction should remove: one at least."""
    events = 0
    for number, (_, seq, _) in enumerate(found):
        events += seq
        if number and events > BATCH_EVENTS:
            return found[:number]
    return found


def _remove_runs(run_ids: list[str], *, dry_run: bool) -> Removed:
    if not run_ids:
        return {}
    if not dry_run:
        rows(ORPHAN_CHILDREN, [run_ids, run_ids])
    return {name: _delete_part(part, [run_ids], dry_run=dry_run) for name, part in OF_RUNS.items()}


def _delete_part(part: Part, values: list[Any], *, dry_run: bool) -> RemovedCount:
    """Delete the rows, or count them."""
    chosen = f"FROM {part.table} WHERE {part.which}"
    rows_of = f"SELECT {part.size} AS size {chosen}" if dry_run else f"DELETE {chosen} RETURNING {part.size} AS size"
    count, size = rows(f"WITH gone AS ({rows_of}) SELECT count(*), coalesce(sum(size), 0)::bigint FROM gone", values)[0]  # noqa: S608
    return RemovedCount(count, size)


def _prune_loose(name: str, before: datetime, *, dry_run: bool) -> Iterator[Removed]:
    """Rows that belong to no run, at most `BATCH_LOOSE` in a statement."""
    key, part = LOOSE[name]
    if dry_run:
        yield {name: _delete_part(part, [before], dry_run=True)}
        return
    some = f"SELECT {key} FROM {part.table} WHERE {part.which} LIMIT {BATCH_LOOSE} FOR UPDATE SKIP LOCKED"  # noqa: S608
    batch = part._replace(which=f"{key} IN ({some})")
    while (removed := _delete_part(batch, [before], dry_run=False)).rows:
        yield {name: removed}
