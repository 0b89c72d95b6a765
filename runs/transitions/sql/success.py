"""The way of most steps, in one statement."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pulser.engine.states import STEP_MOVES
from runs.sql import is_source_of, target_of
from runs.transitions.sql.runs import RUN_COLUMNS
from runs.transitions.sql.steps import COUNTS, PENDING

MOVE = STEP_MOVES["succeed"]


class SuccessRow(NamedTuple):
    """A locked run, whether the fence held, which steps have no open need any more, and how the others stand.

    `busy` and what follows is null where it was not counted.
    """

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
    is_ours: bool
    ready: list[str]
    busy: int | None
    paused: int
    pending: int
    next_final: str | None
    failed: list[str]


# Locks the run first, then its step, its attempt and what needs the step: the fenced move, the attempt's end, and the
# needs that are met by it. Returns one SuccessRow, or nothing when there is no such run. Where nothing needs the step
# (`counts`), it says as well how the others stand: the run may be over. That is read as of the statement's beginning,
# so it counts only if the run had no news until its lock was ours. Five statements of the ORM, each a round trip.
SUCCEED = f"""
WITH locked AS (SELECT {RUN_COLUMNS} FROM runs_run WHERE id = %(run_id)s::uuid FOR UPDATE), moved AS (
    UPDATE runs_step SET status = {target_of(MOVE)}, outputs = %(outputs)s, reason = '', cause = ''
    WHERE id = %(step_id)s AND EXISTS (SELECT FROM locked) AND {is_source_of(MOVE)} AND attempt = %(number)s
    RETURNING id
), closed AS (
    UPDATE runs_attempt SET finished_at = clock_timestamp(), lease_expires = NULL, outcome = %(outcome)s,
           exit_code = %(exit_code)s, log_bytes = %(log_bytes)s, log_cut = %(log_cut)s
    WHERE id = %(attempt_id)s AND EXISTS (SELECT FROM moved)
), met AS (
    UPDATE runs_step SET open_needs = open_needs - 1
    WHERE run_id = (SELECT id FROM locked) AND key = ANY(%(dependents)s::text[]) AND status = {PENDING}
      AND EXISTS (SELECT FROM moved)
    RETURNING key, open_needs
), counted AS (SELECT {COUNTS} FROM runs_step WHERE run_id = %(run_id)s::uuid AND id <> %(step_id)s)
SELECT locked.*, EXISTS (SELECT FROM moved), ARRAY(SELECT key FROM met WHERE open_needs = 0), counted.*
FROM locked
LEFT JOIN counted ON %(counts)s AND locked.seq = (SELECT seq FROM runs_run WHERE id = locked.id)
"""
