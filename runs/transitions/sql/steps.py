"""Statements about the steps of a run. Each caller holds the run's row, so steps need no lock of their own."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from pulser.engine.retry import KEEPS_SLOT_S
from pulser.engine.states import STEP_MOVES, StepStatus
from runs.sql import assign, is_source_of, quoted, target_of

BUSY = quoted(StepStatus.QUEUED, StepStatus.RUNNING)
BACKOFF, PENDING, WAITING = quoted(StepStatus.BACKOFF), quoted(StepStatus.PENDING), quoted(StepStatus.WAITING)
ERROR, RUNNING = quoted(StepStatus.ERROR), quoted(StepStatus.RUNNING)
IDLE = quoted(*sorted(STEP_MOVES["cancel"].sources - {StepStatus.RUNNING}))
RESET = STEP_MOVES["reset"]


@cache
def move_steps(name: str, changes: str, *, fenced: bool) -> str:
    """Make a move of the table, with `changes` as further `SET` clauses; `fenced`: of this attempt alone.

    Locks and returns, as MovedStep, those of the steps `keys` whose status allows it; none is a usual answer. By hand:
    the ORM's update returns no rows.
    """
    move = STEP_MOVES[name]
    fence = " AND attempt = %(fence)s" if fenced else ""
    return f"""
UPDATE runs_step SET status = {target_of(move)}, {changes}
WHERE run_id = %(run_id)s::uuid AND key = ANY(%(keys)s::text[]) AND {is_source_of(move)}{fence}
RETURNING key, attempt
"""


class OpenNeeds(NamedTuple):
    key: str
    left: int


# Counts so many needs (`met`) of the pending steps among `keys` as met. Locks and returns them as OpenNeeds. The ORM
# updates no two rows by different amounts.
MEET_NEEDS = f"""
UPDATE runs_step AS s SET open_needs = s.open_needs - v.met
FROM unnest(%(keys)s::text[], %(met)s::int[]) AS v(key, met)
WHERE s.run_id = %(run_id)s::uuid AND s.key = v.key AND s.status = {PENDING} RETURNING s.key, s.open_needs
"""

# The move `reset`: the step is as if it had never run, but for the count of its attempts. Locks those of `keys` that
# have ended; returns nothing. Many rows, each with its own number of needs, as above.
RESET_STEPS = f"""
UPDATE runs_step AS s SET status = {target_of(RESET)}, reason = '', cause = '', outputs = NULL, budget_from = s.attempt,
       lost = 0, progress_done = NULL, progress_total = NULL, open_needs = v.open_needs, queued_at = NULL,
       next_attempt_at = NULL, deadline_at = NULL, wait_kind = '', wait_role = '', wait_message = '', on_timeout = ''
FROM unnest(%(keys)s::text[], %(open_needs)s::int[]) AS v(key, open_needs)
WHERE s.run_id = %(run_id)s::uuid AND s.key = v.key AND {is_source_of(RESET, "s.status")}
"""


class CountsRow(NamedTuple):
    """How the steps of a run stand, as COUNTS tells it."""

    busy: int
    paused: int
    pending: int
    next_final: str | None
    failed: list[str]


COUNT_VALUES: dict[str, Any] = {"keeps_slot_s": KEEPS_SLOT_S}
_KEEPS_SLOT_UNTIL = "clock_timestamp() + %(keeps_slot_s)s * interval '1 second'"

# The columns of CountsRow over some steps of one run, with COUNT_VALUES. One pass over them: the ORM would do as well,
# and could not be a part of the statements that claim and succeed.
COUNTS = f"""
count(*) FILTER (WHERE status IN ({BUSY})
    OR (status = {BACKOFF} AND next_attempt_at <= {_KEEPS_SLOT_UNTIL})) AS busy,
count(*) FILTER (WHERE status = {WAITING}
    OR (status = {BACKOFF} AND next_attempt_at > {_KEEPS_SLOT_UNTIL})) AS paused,
count(*) FILTER (WHERE status = {PENDING} AND NOT is_finally) AS pending,
(array_agg(key ORDER BY position) FILTER (WHERE status = {PENDING} AND is_finally))[1] AS next_final,
coalesce(array_agg(key) FILTER (WHERE status = {ERROR}), ARRAY[]::text[]) AS failed
"""

# Locks nothing. Returns one CountsRow.
COUNT_STEPS = f"SELECT {COUNTS} FROM runs_step WHERE run_id = %(run_id)s::uuid"

# Locks nothing. Returns the keys of main steps that are pending and have no open need: where a run starts again. This
# and what follows is asked within moves, a statement of the ORM each; by hand they cost no model.
FIND_READY = f"""
SELECT key FROM runs_step
WHERE run_id = %(run_id)s::uuid AND status = {PENDING} AND open_needs = 0 AND NOT is_finally
"""

# Locks nothing. Returns in plan order the keys of steps in nobody's hands that an early end is about: main steps when
# it was asked for once, `finally` steps too when it was twice.
FIND_IDLE = f"""
SELECT key FROM runs_step
WHERE run_id = %(run_id)s::uuid AND status IN ({IDLE}) AND is_finally::int < %(cancel_count)s ORDER BY position
"""

# Locks nothing. Returns the keys of all steps in plan order.
ALL_KEYS = "SELECT key FROM runs_step WHERE run_id = %(run_id)s::uuid ORDER BY position"


class FactRow(NamedTuple):
    key: str
    status: str
    cause: str
    outputs: str | None


# Locks nothing. Returns FactRow for each of the steps `keys` that there is.
READ_FACTS = """
SELECT key, status, cause, outputs FROM runs_step WHERE run_id = %(run_id)s::uuid AND key = ANY(%(keys)s::text[])
"""

# Locks nothing. Returns key and status of each step.
READ_STATUSES = "SELECT key, status FROM runs_step WHERE run_id = %(run_id)s::uuid"


class WaitRow(NamedTuple):
    status: str
    kind: str
    role: str
    on_timeout: str
    is_over: bool | None


# Locks nothing. Returns one WaitRow, or none when the run has no such step. `is_over`: its deadline has passed; null
# without one.
READ_WAIT = """
SELECT status, wait_kind, wait_role, on_timeout, deadline_at <= clock_timestamp() FROM runs_step
WHERE run_id = %(run_id)s::uuid AND key = %(key)s
"""

# Locks nothing. Returns the deadline of a step, which the database has set.
READ_DEADLINE = "SELECT deadline_at FROM runs_step WHERE run_id = %(run_id)s::uuid AND key = %(key)s"

# Locks nothing. Returns a row when the pause before the step's next attempt is over.
IS_DUE = """
SELECT 1 FROM runs_step
WHERE run_id = %(run_id)s::uuid AND key = %(key)s AND next_attempt_at <= clock_timestamp()
"""

# Locks nothing. Returns the keys of running steps that an early end is about, when it was asked for long enough ago.
FIND_UNRESPONSIVE = f"""
SELECT s.key FROM runs_step s JOIN runs_run r ON r.id = s.run_id
WHERE s.run_id = %(run_id)s::uuid AND s.status = {RUNNING} AND r.cancel_count > s.is_finally::int
  AND r.cancel_requested_at <= clock_timestamp() - %(grace_s)s * interval '1 second'
"""

# Locks the step, and returns its id when the fence holds, else nothing.
SET_PROGRESS = f"""
UPDATE runs_step SET progress_done = %(done)s, progress_total = %(total)s
WHERE id = %(step_id)s AND status = {RUNNING} AND attempt = %(number)s RETURNING id
"""


def move_values(run_id: str, keys: list[str], *, fence: int | None, columns: dict[str, Any]) -> dict[str, Any]:
    """The parameters of `move_steps`."""
    fenced = {} if fence is None else {"fence": fence}
    return {"run_id": run_id, "keys": keys, **fenced, **assign(columns).values}
