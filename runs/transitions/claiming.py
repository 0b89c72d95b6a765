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
from runs.events import SAY, columns
from runs.transitions.advancing import TALLY, begin, close, read_tally, tally_values
from runs.transitions.turn import COLUMNS, Sql, Turn, from_row, in_seconds, rows, turn

LEASE_S = 30.0


@dataclass(frozen=True, slots=True)
class Holder:
    """The worker that claims: its name, its host, and which of its processes does the work."""

    name: str
    host: str
    process: int | None = None


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
    INSERT INTO runs_attempt (step_id, number, cause, worker, host, process, lease_expires, queued_at, started_at,
                              outcome, error_class, error_message, log_bytes, log_cut)
    SELECT id, attempt,
           CASE WHEN cause <> 'ready' THEN cause WHEN attempt = 1 THEN 'first' ELSE 'button' END, %s, %s, %s,
           clock_timestamp() + %s * interval '1 second', queued_at, clock_timestamp(), '', '', '', 0, false
    FROM claimed RETURNING id, cause, started_at
)
"""
CLAIMED = "claimed.id, key, attempt, tries, opened.id, opened.started_at"
NOTHING = "NULL, NULL, NULL, NULL, NULL, NULL"
STEP = "id, key, attempt, attempt - budget_from AS tries, queued_at, cause"

# A claim is the last that a turn writes: what it has said before, the claim, and the run's own changes go with it.
TOLD = f"""
said AS ({SAY} WHERE EXISTS (SELECT FROM claimed)), told AS (
    INSERT INTO runs_event (run_id, seq, kind, step, attempt, data, at)
    SELECT %s::uuid, %s::int, 'step.claimed', key, attempt,
           jsonb_build_object('worker', %s::text, 'cause', opened.cause), clock_timestamp()
    FROM claimed, opened
), written AS (
    UPDATE runs_run SET seq = %s, retry_count = retry_count + (SELECT (attempt > 1)::int FROM claimed){{changes}}
    WHERE id = %s AND EXISTS (SELECT FROM claimed)
)
"""  # noqa: S608

# One step of those that were queued before. Where there is none, the same statement says how the steps stand.
CLAIM = f"""
WITH claimed AS (
    UPDATE runs_step SET status = 'running', attempt = attempt + 1, reason = '', progress_done = NULL,
           progress_total = NULL
    WHERE id = (SELECT id FROM runs_step WHERE run_id = %s AND status = 'queued' ORDER BY position LIMIT 1)
      AND status = 'queued'
    RETURNING {STEP}
), {OPEN_ATTEMPT}, {TOLD}, tally AS ({TALLY})
SELECT {CLAIMED}, NULL, NULL, NULL, NULL, NULL FROM claimed, opened
UNION ALL
SELECT {NOTHING}, tally.* FROM tally WHERE NOT EXISTS (SELECT FROM claimed)
"""  # noqa: S608

# Steps that were released in this turn: one statement queues them all and claims the first.
RELEASE_AND_CLAIM = f"""
WITH released AS (
    UPDATE runs_step SET status = CASE WHEN key = %s THEN 'running' ELSE 'queued' END,
           attempt = attempt + (key = %s)::int, queued_at = clock_timestamp(), cause = 'ready', reason = ''
    WHERE run_id = %s AND key = ANY(%s) AND status = 'pending'
    RETURNING {STEP}
), claimed AS (SELECT * FROM released WHERE key = %s), {OPEN_ATTEMPT}, {TOLD}
SELECT {CLAIMED}, (SELECT count(*) FROM released) FROM claimed, opened
"""  # noqa: S608


def claim_next(turn: Turn, holder: Holder) -> Claim | None:
    """queued -> running for a queued step of a running run, with a new attempt under a lease."""
    found = _claim(turn, holder)
    return found if isinstance(found, Claim) else None


def claim_or_close(turn: Turn, holder: Holder, *, tally: Tally | None = None) -> Claim | None:
    """The next step for this worker.

    When there is none the run waits, cleans up, or ends; cleaning up may bring one. `tally`: how the steps stand, where
    the caller knows it; it spares the search for a step when none is under way.
    """
    found = _claim(turn, holder) if tally is None or tally.busy or turn.released else tally
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
    changes, told = _telling(turn, holder)
    values = [turn.run_id, *_hold_values(holder), *told, *tally_values(turn.run_id)]
    (found,) = rows(CLAIM.format(changes=changes), values)
    if found[0] is None:
        return read_tally(turn, found[6:])
    turn.queued = max(turn.queued - 1, 0)
    return _claimed(turn, holder, found[:6])


def _claim_released(turn: Turn, holder: Holder) -> Claim:
    first, keys = turn.released[0], turn.released
    changes, told = _telling(turn, holder)
    values = [first, first, turn.run_id, keys, first, *_hold_values(holder), *told]
    (found,) = rows(RELEASE_AND_CLAIM.format(changes=changes), values)
    turn.queued += found[6] - 1
    turn.released = []
    return _claimed(turn, holder, found[:6])


def _hold_values(holder: Holder) -> list[Any]:
    """What OPEN_ATTEMPT asks for."""
    return [holder.name, holder.host, holder.process, LEASE_S]


def _telling(turn: Turn, holder: Holder) -> tuple[str, list[Any]]:
    """The SQL of the run's changes and the values that TOLD asks for."""
    changes, values = turn.assignments()
    seq = turn.seq + len(turn.entries) + 1
    said = [turn.run_id, turn.seq, *columns(turn.entries)]
    return changes, [*said, turn.run_id, seq, holder.name, seq, *values, turn.run_id]


def _claimed(turn: Turn, holder: Holder, row: tuple[Any, ...]) -> Claim:
    step_id, key, number, tries, attempt_id, started_at = row
    turn.wrote(turn.seq + len(turn.entries) + 1)
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


TRIES = 3  # others may be faster again and again; they too look for more when they are done


def take(holder: Holder) -> Claim | None:
    """For a worker that is free: a queued step of a running run, else the next run of a lane with room."""
    for _ in range(TRIES):
        found = rows(ANY, [])
        for run_id, lane_id in found:
            if claim := join(str(run_id), holder) if run_id else admit(lane_id, holder):
                return claim
        if not found:
            return None
    return None


def join(run_id: str, holder: Holder) -> Claim | None:
    """Claim a queued step of a run that is under way. None: there is none any more."""
    with suppress(NotThere), turn(run_id) as locked:
        return claim_next(locked, holder)
    return None


IN_ORDER = "r.priority DESC, r.started_at, r.queued_at, r.id"  # a run that goes on comes before those never started

# Lanes with room, in the order of their next runs: none of them starves beside one that is always full of work.
ANY = f"""
(SELECT s.run_id, NULL::bigint FROM runs_step s JOIN runs_run r ON r.id = s.run_id
 WHERE s.status = 'queued' AND r.status = 'running' ORDER BY s.queued_at LIMIT 1)
UNION ALL
(SELECT NULL, l.id FROM runs_lane l CROSS JOIN LATERAL (
    SELECT r.* FROM runs_run r WHERE r.lane_id = l.id AND r.status = 'queued' ORDER BY {IN_ORDER} LIMIT 1) AS r
 WHERE NOT l.paused
   AND l."limit" > (SELECT count(*) FROM runs_run u WHERE u.lane_id = l.id AND u.status = 'running')
 ORDER BY {IN_ORDER})
"""  # noqa: S608

NEXT_RUN = f"""
SELECT {COLUMNS} FROM runs_run r
WHERE r.lane_id = %s AND r.status = 'queued'
  AND %s > (SELECT count(*) FROM runs_run u WHERE u.lane_id = %s AND u.status = 'running')
ORDER BY {IN_ORDER} LIMIT 1 FOR UPDATE OF r
"""  # noqa: S608


# NO KEY: a plain FOR UPDATE would make everybody wait who queues a new run, because its row refers to the lane.
LANE = 'SELECT paused, "limit", name FROM runs_lane WHERE id = %s FOR NO KEY UPDATE'


def admit(lane_id: int, holder: Holder) -> Claim | None:
    """Let a lane take its next run and claim that run's first step. None: it has no slot, or nothing waits for one."""
    began = True
    while began:  # a run that ends at once leaves its slot to the next
        with transaction.atomic():
            began, claim = _admit(lane_id, holder)
        if claim:
            return claim
    return None


def _admit(lane_id: int, holder: Holder) -> tuple[bool, Claim | None]:
    """Whether a run began, and its first step if there is one to claim."""
    paused, limit, name = next(iter(rows(LANE, [lane_id])), (True, 0, ""))
    locked = None if paused else _start_next(lane_id, limit=limit, name=name)
    if locked is None:
        return False, None
    claim = claim_or_close(locked, holder)
    locked.end()
    return True, claim


# The row is written after its first step was claimed, and no attempt may seem older than its run.
STARTED = Sql("greatest(now(), created_at)")


def _start_next(lane_id: int, *, limit: int, name: str) -> Turn | None:
    """queued -> running for the lane's next run, if it has a free slot. The caller holds the lane's row."""
    found = rows(NEXT_RUN, [lane_id, limit, lane_id])
    if not found:
        return None
    locked = from_row(found[0])
    again = locked.has_started
    started = {} if again else {"started_at": STARTED}
    deadline = _deadline(locked)
    locked.move("start", said={"lane": name, "again": again}, **started, **deadline)
    begin(locked)
    return locked


def _deadline(locked: Turn) -> dict[str, Any]:
    """A plan's timeout counts from the start of the run, or of its retry; a run that goes on keeps the one it has."""
    timeout = locked.graph.plan.timeout
    if not timeout or locked.stop:
        return {}
    ahead = in_seconds(timeout)
    return {"deadline_at": Sql(f"coalesce(deadline_at, {ahead.text})", ahead.values)}
