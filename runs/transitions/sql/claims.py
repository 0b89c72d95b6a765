"""Claiming a step, in one statement with all that the transaction has decided before.

A claim is the last that a transaction writes. What was said before goes with it, and so do the run's own changes.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple

from pulser.engine.states import STEP_MOVES
from runs.events import GIVEN_EVENTS, INSERT_EVENTS
from runs.sql import is_source_of, quoted, target_of
from runs.transitions.sql.steps import COUNTS

MOVE, BOTH, RELEASE = STEP_MOVES["claim"], STEP_MOVES["release_and_claim"], STEP_MOVES["release"]


class ClaimedRow(NamedTuple):
    """A claimed step, with its new attempt."""

    step_id: int
    key: str
    number: int
    tries: int
    attempt_id: int
    started_at: datetime


class ClaimRow(NamedTuple):
    """A claimed step; or, where `step_id` is null, how the steps stand."""

    step_id: int | None
    key: str
    number: int
    tries: int
    attempt_id: int
    started_at: datetime
    busy: int
    paused: int
    pending: int
    next_final: str | None
    failed: list[str]

    @property
    def claimed(self) -> ClaimedRow | None:
        if self.step_id is None:
            return None
        return ClaimedRow(self.step_id, self.key, self.number, self.tries, self.attempt_id, self.started_at)


STEP_COLUMNS = "id, key, attempt, attempt - budget_from AS tries, queued_at, cause"
CLAIMED = "claimed.id, claimed.key, claimed.attempt, claimed.tries, opened.id, opened.started_at"
NO_STEP_COLUMNS = "NULL, NULL, NULL, NULL, NULL, NULL"

# Opens an attempt for the row of `claimed`, which has the columns STEP.
OPEN_ATTEMPT = """
INSERT INTO runs_attempt (step_id, number, cause, worker, host, process, lease_expires, queued_at, started_at,
                          outcome, error_class, error_message, log_bytes, log_cut)
SELECT id, attempt, CASE WHEN cause <> 'ready' THEN cause WHEN attempt = 1 THEN 'first' ELSE 'button' END,
       %(worker)s, %(host)s, %(process)s::int, clock_timestamp() + %(lease_s)s * interval '1 second', queued_at,
       clock_timestamp(), '', '', '', 0, false
FROM claimed RETURNING id, cause, started_at
"""


# The event of the claim is the last of those given. Which step it is about, which attempt and why, is known here alone.
CLAIM_EVENTS = f"""
SELECT %(run_id)s::uuid AS run_id, %(seq)s::int + n AS seq, given.kind,
       CASE WHEN given.kind = {quoted(MOVE.event)} THEN claimed.key ELSE given.step END AS step,
       CASE WHEN given.kind = {quoted(MOVE.event)} THEN claimed.attempt ELSE given.attempt END AS attempt,
       CASE WHEN given.kind = {quoted(MOVE.event)} THEN given.data::jsonb || jsonb_build_object('cause', opened.cause)
            ELSE given.data::jsonb END AS data
FROM claimed, opened, {GIVEN_EVENTS}
"""


def _record(changes: str) -> str:
    """What follows from a claim: its attempt, the log, and the run's own changes. Nothing where nothing is claimed."""
    return f"""
opened AS ({OPEN_ATTEMPT}), told AS ({CLAIM_EVENTS}), logged AS ({INSERT_EVENTS}), written AS (
    UPDATE runs_run SET seq = %(new_seq)s, retry_count = retry_count + (SELECT (attempt > 1)::int FROM claimed){changes}
    WHERE id = %(run_id)s::uuid AND EXISTS (SELECT FROM claimed)
)
"""


@cache
def claim_queued(changes: str) -> str:
    """Claim the first queued step; `changes` go on a `SET` clause of the run, after a comma.

    The caller holds the run's lock; the step is locked. Returns one ClaimRow: where no step is queued, the same
    statement says how the steps stand, and spares a second look.
    """
    return f"""
WITH claimed AS (
    UPDATE runs_step SET status = {target_of(MOVE)}, attempt = attempt + 1, reason = '', progress_done = NULL,
           progress_total = NULL
    WHERE id = (SELECT id FROM runs_step WHERE run_id = %(run_id)s::uuid AND {is_source_of(MOVE)}
                ORDER BY position LIMIT 1) AND {is_source_of(MOVE)}
    RETURNING {STEP_COLUMNS}
), {_record(changes)}, counted AS (SELECT {COUNTS} FROM runs_step WHERE run_id = %(run_id)s::uuid)
SELECT {CLAIMED}, NULL, NULL, NULL, NULL, NULL FROM claimed, opened
UNION ALL
SELECT {NO_STEP_COLUMNS}, counted.* FROM counted WHERE NOT EXISTS (SELECT FROM claimed)
"""


@cache
def release_and_claim(changes: str) -> str:
    """Queue the pending steps `keys`, and claim `first`, one of them; `changes` as for `claim_queued`.

    The caller holds the run's lock; the steps are locked. Returns one ClaimedRow. A step that is released and claimed
    is written once instead of twice.
    """
    return f"""
WITH released AS (
    UPDATE runs_step SET status = CASE WHEN key = %(first)s::text THEN {target_of(BOTH)} ELSE {target_of(RELEASE)} END,
           attempt = attempt + (key = %(first)s::text)::int, queued_at = clock_timestamp(), cause = 'ready', reason = ''
    WHERE run_id = %(run_id)s::uuid AND key = ANY(%(keys)s::text[])
      AND CASE WHEN key = %(first)s::text THEN {is_source_of(BOTH)} ELSE {is_source_of(RELEASE)} END
    RETURNING {STEP_COLUMNS}
), claimed AS (SELECT * FROM released WHERE key = %(first)s::text), {_record(changes)}
SELECT {CLAIMED} FROM claimed, opened
"""
