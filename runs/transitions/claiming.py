"""Taking work: a run takes a slot of its lane, a worker takes a queued step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from pulser.engine.advance import Tally
from pulser.engine.states import RunStatus
from runs.errors import NotThere
from runs.transitions.advancing import TALLY, begin, close, read_tally, tally_values
from runs.transitions.turn import COLUMNS, Sql, Turn, from_row, in_seconds, rows, turn

LEASE_S = 30.0


@dataclass(frozen=True, slots=True)
class Holder:
    """The worker that claims: its name, its host."""

    name: str
    host: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A step in a worker's hands. `number` is the fence that each of its writes carries."""

    run_id: str
    version_id: int
    params: dict[str, Any]
    environment: str
    title: str
    key: str
    step_id: int
    attempt_id: int
    number: int
    tries: int
    """Attempts of the present budget, this one included."""
    holder: Holder
    started_at: datetime


# Opens an attempt for each row of `claimed`: id, key, attempt, tries, queued_at, cause.
OPEN_ATTEMPT = """
opened AS (
    INSERT INTO runs_attempt (step_id, number, cause, worker, host, lease_expires, queued_at, started_at,
                              outcome, error_class, error_message, log_bytes, log_cut)
    SELECT id, attempt,
           CASE WHEN cause <> 'ready' THEN cause WHEN attempt = 1 THEN 'first' ELSE 'button' END, %s, %s,
           clock_timestamp() + %s * interval '1 second', queued_at, clock_timestamp(), '', '', '', 0, false
    FROM claimed RETURNING id, cause, started_at
)
"""
CLAIMED = "claimed.id, key, attempt, tries, opened.id, opened.cause, opened.started_at"
STEP = "id, key, attempt, attempt - budget_from AS tries, queued_at, cause"

# One step of those that were queued before. Where there is none, the same statement says how the steps stand.
CLAIM = f"""
WITH claimed AS (
    UPDATE runs_step SET status = 'running', attempt = attempt + 1, reason = ''
    WHERE id = (SELECT id FROM runs_step WHERE run_id = %s AND status = 'queued' ORDER BY position LIMIT 1)
      AND status = 'queued'
    RETURNING {STEP}
), {OPEN_ATTEMPT}, tally AS ({TALLY})
SELECT {CLAIMED}, NULL, NULL, NULL, NULL, NULL FROM claimed, opened
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, tally.* FROM tally WHERE NOT EXISTS (SELECT FROM claimed)
"""  # noqa: S608

# Steps that were released in this turn: one statement queues them all and claims the first.
RELEASE_AND_CLAIM = f"""
WITH released AS (
    UPDATE runs_step SET status = CASE WHEN key = %s THEN 'running' ELSE 'queued' END,
           attempt = attempt + (key = %s)::int, queued_at = clock_timestamp(), cause = 'ready', reason = ''
    WHERE run_id = %s AND key = ANY(%s) AND status = 'pending'
    RETURNING {STEP}
), claimed AS (SELECT * FROM released WHERE key = %s), {OPEN_ATTEMPT}
SELECT {CLAIMED}, (SELECT count(*) FROM released) FROM claimed, opened
"""  # noqa: S608


def claim_next(turn: Turn, holder: Holder) -> Claim | None:
    """queued -> running for a queued step of a running run, with a new attempt under a lease."""
    found = _claim(turn, holder)
    return found if isinstance(found, Claim) else None


def claim_or_close(turn: Turn, holder: Holder) -> Claim | None:
    """The next step for this worker.

    When there is none the run waits, cleans up, or ends; cleaning up may bring one.
    """
    found = _claim(turn, holder)
    if isinstance(found, Claim):
        return found
    close(turn, found)
    return claim_next(turn, holder) if turn.queued or turn.released else None


def _claim(turn: Turn, holder: Holder) -> Claim | Tally | None:
    """A claim, or how the steps stand when none is queued. None: the run does not run."""
    if turn.status != RunStatus.RUNNING:
        return None
    if turn.released:
        return _claim_released(turn, holder)
    values = [turn.run_id, holder.name, holder.host, LEASE_S, *tally_values(turn)]
    (found,) = rows(CLAIM, values)
    if found[0] is None:
        return read_tally(turn, found[7:])
    turn.queued = max(turn.queued - 1, 0)
    return _claimed(turn, holder, found[:7])


def _claim_released(turn: Turn, holder: Holder) -> Claim:
    first, keys = turn.released[0], turn.released
    (found,) = rows(RELEASE_AND_CLAIM, [first, first, turn.run_id, keys, first, holder.name, holder.host, LEASE_S])
    turn.queued += found[7] - 1
    turn.released = []
    return _claimed(turn, holder, found[:7])


def _claimed(turn: Turn, holder: Holder, row: tuple[Any, ...]) -> Claim:
    step_id, key, number, tries, attempt_id, cause, started_at = row
    if number > 1:
        turn.changes["retry_count"] = Sql("retry_count + 1")
    turn.emit("step.claimed", step=key, attempt=number, worker=holder.name, cause=cause)
    return Claim(
        run_id=turn.run_id,
        version_id=turn.version_id,
        params=turn.params,
        environment=turn.environment,
        title=turn.title,
        key=key,
        step_id=step_id,
        attempt_id=attempt_id,
        number=number,
        tries=tries,
        holder=holder,
        started_at=started_at,
    )


def take(run_id: str, holder: Holder) -> Claim | None:
    """Look at a run that has news: claim a step of it, or let its lane take the next run. None: nothing to do."""
    if claim := admit(holder, wanted=run_id):
        return claim
    with suppress(NotThere), turn(run_id) as locked:
        return claim_next(locked, holder)
    return None


def take_any(holder: Holder) -> Claim | None:
    """For a worker that has become free: a queued step of a running run, else a run that its lane held back."""
    for run_id, lane_id in rows(ANY, []):
        claim = take(str(run_id), holder) if run_id else admit(holder, lane_id=lane_id)
        if claim:
            return claim
    return None


ANY = """
(SELECT s.run_id, NULL::bigint FROM runs_step s JOIN runs_run r ON r.id = s.run_id
 WHERE s.status = 'queued' AND r.status = 'running' ORDER BY s.queued_at LIMIT 1)
UNION ALL
(SELECT NULL, l.id FROM runs_lane l WHERE NOT l.paused
   AND EXISTS (SELECT FROM runs_run r WHERE r.lane_id = l.id AND r.status = 'queued' AND r.held_at IS NOT NULL)
   AND l."limit" > (SELECT count(*) FROM runs_run r WHERE r.lane_id = l.id AND r.status = 'running')
 ORDER BY l.position)
"""

NEXT_RUN = f"""
SELECT {COLUMNS} FROM runs_run r
WHERE r.lane_id = %s AND r.status = 'queued'
  AND %s > (SELECT count(*) FROM runs_run u WHERE u.lane_id = %s AND u.status = 'running')
ORDER BY r.priority DESC, r.started_at NULLS LAST, r.queued_at, r.id
LIMIT 1 FOR UPDATE OF r
"""  # noqa: S608


# NO KEY: a plain FOR UPDATE would make everybody wait who queues a new run, because its row refers to the lane.
LANE = 'SELECT id, paused, "limit", name FROM runs_lane WHERE id = %s FOR NO KEY UPDATE'
LANE_OF_QUEUED = """
SELECT l.id, l.paused, l."limit", l.name FROM runs_run r JOIN runs_lane l ON l.id = r.lane_id
WHERE r.id = %s AND r.status = 'queued' FOR NO KEY UPDATE OF l
"""


def admit(holder: Holder, *, lane_id: int | None = None, wanted: str | None = None) -> Claim | None:
    """Let a lane take its next run and claim that run's first step: the lane `lane_id`, or that of the run `wanted`.

    Where the lane has no slot for it, the wanted run is marked as held, which is what makes a worker that frees a slot
    look for it. A run that is not queued any more has no lane to ask.
    """
    while True:
        with transaction.atomic():
            lane = _lock_lane(LANE_OF_QUEUED, wanted) if wanted else _lock_lane(LANE, lane_id)
            locked = _start_next(**lane) if lane else None
            if locked is None:
                if wanted and lane:
                    _hold(wanted)
                return None
            claim = claim_or_close(locked, holder)
            locked.save()
            locked.announce()
        if claim:
            return claim
        lane_id, wanted = lane["lane_id"], None  # that run ended at once: its slot is free for the next


def _lock_lane(statement: str, key: int | str | None) -> dict[str, Any]:
    found = rows(statement, [key])
    return dict(zip(("lane_id", "paused", "limit", "name"), found[0], strict=True)) if found else {}


# The row is written after its first step was claimed, and no attempt may seem older than its run.
STARTED = Sql("greatest(now(), created_at)")


def _start_next(lane_id: int, *, paused: bool, limit: int, name: str) -> Turn | None:
    """queued -> running for the lane's next run, if it has a free slot. The caller holds the lane's row."""
    if paused:
        return None
    found = rows(NEXT_RUN, [lane_id, limit, lane_id])
    if not found:
        return None
    locked = from_row(found[0])
    again = locked.has_started
    started = {} if again else {"started_at": STARTED}
    deadline = _deadline(locked)
    locked.move("start", said={"lane": name, "again": again}, held_at=None, **started, **deadline)
    begin(locked)
    return locked


def _deadline(locked: Turn) -> dict[str, Any]:
    """A plan's timeout counts from the start of the run, or of its retry; a run that goes on keeps the one it has."""
    timeout = locked.graph.plan.timeout
    if not timeout or locked.stop:
        return {}
    ahead = in_seconds(timeout)
    return {"deadline_at": Sql(f"coalesce(deadline_at, {ahead.text})", ahead.values)}


def _hold(run_id: str) -> None:
    rows(
        "UPDATE runs_run SET held_at = clock_timestamp() WHERE id = %s AND status = 'queued' AND held_at IS NULL",
        [run_id],
    )
