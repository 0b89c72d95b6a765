"""Statements about attempts: who holds a step, until when, and how it ended."""

from __future__ import annotations

from typing import NamedTuple

from pulser.engine.states import STEP_MOVES
from runs.sql import is_source_of


class HeldAttempt(NamedTuple):
    """An attempt in a worker's hands, with the counts of its step."""

    lost: int
    budget_from: int
    is_expired: bool
    """Its lease has run out."""


# Locks nothing; the caller holds the run. Returns HeldAttempt while this attempt is its step's latest and under a
# lease, else nothing. A join by two columns that is no relation of the models.
FIND_HELD = f"""
SELECT s.lost, s.budget_from, a.lease_expires <= clock_timestamp() FROM runs_step s
JOIN runs_attempt a ON a.step_id = s.id AND a.number = s.attempt
WHERE s.run_id = %(run_id)s::uuid AND s.key = %(key)s AND {is_source_of(STEP_MOVES["lose"], "s.status")}
  AND s.attempt = %(number)s AND a.finished_at IS NULL AND a.lease_expires IS NOT NULL
"""

# Locks the attempt that its worker reports; returns nothing. One that waits for a decision stays open, without a lease.
# The end is by the database's clock at this moment, not at the transaction's beginning, as the ORM would have it.
CLOSE_ATTEMPT = """
UPDATE runs_attempt SET finished_at = CASE WHEN %(waits)s::bool THEN NULL ELSE clock_timestamp() END,
       lease_expires = NULL, outcome = %(outcome)s, exit_code = %(exit_code)s, error_class = %(error_class)s,
       error_message = %(message)s, log_bytes = %(log_bytes)s, log_cut = %(log_cut)s
WHERE id = %(attempt_id)s
"""


class EndedAttempt(NamedTuple):
    key: str
    worker: str


# Locks what is open of the steps `keys`, by way of their steps. Returns EndedAttempt for each; none is a usual answer.
END_ATTEMPTS = """
UPDATE runs_attempt a SET finished_at = clock_timestamp(), lease_expires = NULL, outcome = %(outcome)s,
       error_class = %(error_class)s, error_message = %(message)s
FROM runs_step s
WHERE s.run_id = %(run_id)s::uuid AND s.key = ANY(%(keys)s::text[]) AND a.step_id = s.id AND a.finished_at IS NULL
RETURNING s.key, a.worker
"""

# Locks the attempt, without its run: the lease is nobody else's. Returns its id, or nothing when the lease was lost. In
# the same statement the worker is seen, which saves each a second one every few seconds.
RENEW_LEASE = """
WITH seen AS (UPDATE runs_worker SET seen_at = clock_timestamp() WHERE name = %(worker)s)
UPDATE runs_attempt SET lease_expires = clock_timestamp() + %(lease_s)s * interval '1 second'
WHERE id = %(attempt_id)s AND finished_at IS NULL AND lease_expires IS NOT NULL RETURNING id
"""
