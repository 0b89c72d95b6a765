"""Statements about runs and lanes."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pulser.engine.states import RUN_MOVES, RunStatus, StepStatus
from runs.sql import Computed, is_source_of, quoted

START = RUN_MOVES["start"]


class RunRow(NamedTuple):
    """A run whose row is locked, as RUN_COLUMNS names it."""

    id: UUID
    status: str
    seq: int
    lane_id: int
    plan_version_id: int
    params: str
    environment: str
    title: str
    stop: str
    cancel_count: int
    started_at: datetime | None
    archived_at: datetime | None


RUN_COLUMNS = ", ".join(RunRow._fields)

# Locks the run. Returns RunRow, or nothing when there is no such run. By hand, because every move asks for it: the ORM
# would make a model, and its text anew each time.
LOCK_RUN = f"SELECT {RUN_COLUMNS} FROM runs_run WHERE id = %(run_id)s::uuid FOR UPDATE"

IN_ORDER = "r.priority DESC, r.started_at, r.queued_at, r.id"  # a run that goes on comes before those never started


class Work(NamedTuple):
    """Where there is something to claim: in this run, or in the next one of this lane."""

    run_id: UUID | None
    lane_id: int | None


# Locks nothing: others may be faster. Returns Work: at most one run with a queued step, then each lane with room, in
# the order of their next runs, so that none of them starves beside one that is always full of work. The ORM knows no
# LATERAL.
FIND_WORK = f"""
(SELECT s.run_id, NULL::bigint FROM runs_step s JOIN runs_run r ON r.id = s.run_id
 WHERE s.status = {quoted(StepStatus.QUEUED)} AND r.status = {quoted(RunStatus.RUNNING)} ORDER BY s.queued_at LIMIT 1)
UNION ALL
(SELECT NULL, l.id FROM runs_lane l CROSS JOIN LATERAL (
    SELECT r.* FROM runs_run r WHERE r.lane_id = l.id AND r.{is_source_of(START)} ORDER BY {IN_ORDER} LIMIT 1) AS r
 WHERE NOT l.paused
   AND l."limit" > (SELECT count(*) FROM runs_run u WHERE u.lane_id = l.id AND u.status = {quoted(START.target)})
 ORDER BY {IN_ORDER})
"""


class LaneRow(NamedTuple):
    paused: bool
    limit: int
    name: str


# Locks the lane. Returns LaneRow, or nothing when it was deleted. NO KEY: a plain FOR UPDATE would make everybody wait
# who queues a new run, because its row refers to the lane; the ORM knows it too, but this is asked at every start.
LOCK_LANE = 'SELECT paused, "limit", name FROM runs_lane WHERE id = %(lane_id)s FOR NO KEY UPDATE'

# Locks the next run of a lane whose row the caller has locked. Returns RunRow, or nothing when no slot of the `limit`
# is free or no run is queued. The ORM cannot compare a count with a value and lock in one statement.
LOCK_NEXT_RUN = f"""
SELECT {RUN_COLUMNS} FROM runs_run r
WHERE r.lane_id = %(lane_id)s AND r.{is_source_of(START)}
  AND %(limit)s > (SELECT count(*) FROM runs_run u WHERE u.lane_id = %(lane_id)s AND u.status = {quoted(START.target)})
ORDER BY {IN_ORDER} LIMIT 1 FOR UPDATE OF r
"""

# What a start writes. The row is written after its first step was claimed, and no attempt may seem older than its run.
STARTED_AT = Computed("greatest(now(), created_at)")


def deadline_once(timeout_s: float) -> Computed:
    """So many seconds ahead, unless the run has a deadline already."""
    text = "coalesce(deadline_at, clock_timestamp() + %(timeout_s)s * interval '1 second')"
    return Computed(text, {"timeout_s": timeout_s})


# What a retry writes: the time since the end. One that was cancelled before it started has nothing to count from.
RESTED_S = Computed(
    "rested_s + CASE WHEN started_at IS NULL THEN 0 ELSE extract(epoch FROM clock_timestamp() - finished_at) END"
)

# Locks nothing; the caller holds the run. Returns a row when the run has not ended and its deadline is over, by the
# database's clock, which the ORM would take from the start of the transaction.
IS_OVERDUE = """
SELECT 1 FROM runs_run
WHERE id = %(run_id)s::uuid AND finished_at IS NULL AND deadline_at <= clock_timestamp()
"""

# Locks nothing. Returns the ids of at most so many runs of a plan version that have not ended.
OPEN_OF_VERSION = """
SELECT id FROM runs_run WHERE plan_version_id = %(version_id)s AND finished_at IS NULL ORDER BY id LIMIT %(at_most)s
"""
