"""The sweeper: finds what is due or lost, and makes the one move that each of it asks for.

Each rescue is conditional and has a transaction of its own, so two sweepers at once do no harm; the lease on the duty
only spares the second one's work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError
from django.db.models.expressions import RawSQL

from pulser.catalogue import IncompatiblePlan
from runs.errors import RunError, UnsupportedPlan
from runs.execution.dispatch import free_slots, wake
from runs.execution.worker_identity import claimant
from runs.models import Duty, Worker
from runs.sql import column, rows
from runs.transitions import (
    continue_stranded,
    end_unresponsive,
    expire,
    fail_unreadable,
    lose_lease,
    requeue_due,
    time_out,
)

logger = logging.getLogger(__name__)

BATCH = 200  # rescues of one kind in one round
DUTY = "sweep"
DUTY_LEASE_S = 10.0
UNRESPONSIVE_AFTER_S = 30.0  # what a worker has to end a cancelled step
UNDISPATCHED_AFTER_S = 1.0  # a message may be that old before it is sent again
FORGET_WORKERS_S = 600.0


class Due(NamedTuple):
    """A run for which something is due; of one step of it, and of one attempt, where `key` and `number` say so."""

    run_id: UUID
    key: str = ""
    number: int = 0


# Each of these locks nothing, because the move that follows looks again, and returns Due, the oldest first, at most
# `at_most` of them. All are by the database's clock of this moment, for which the ORM has no word.
LEASES = """
SELECT s.run_id, s.key, a.number FROM runs_attempt a JOIN runs_step s ON s.id = a.step_id
WHERE a.finished_at IS NULL AND a.lease_expires <= clock_timestamp() ORDER BY a.lease_expires LIMIT %(at_most)s
"""
BACKOFFS = """
SELECT run_id, key FROM runs_step
WHERE status = 'backoff' AND next_attempt_at <= clock_timestamp() ORDER BY next_attempt_at LIMIT %(at_most)s
"""
WAITS = """
SELECT run_id, key FROM runs_step
WHERE status = 'waiting' AND deadline_at <= clock_timestamp() ORDER BY deadline_at LIMIT %(at_most)s
"""
DEADLINES = """
SELECT id FROM runs_run
WHERE finished_at IS NULL AND deadline_at <= clock_timestamp() ORDER BY deadline_at LIMIT %(at_most)s
"""
UNRESPONSIVE = """
SELECT DISTINCT r.id FROM runs_run r JOIN runs_step s ON s.run_id = r.id
WHERE r.finished_at IS NULL AND s.status = 'running' AND r.cancel_count > s.is_finally::int
  AND r.cancel_requested_at <= clock_timestamp() - %(grace_s)s * interval '1 second' LIMIT %(at_most)s
"""
STRANDED = """
SELECT id FROM runs_run r WHERE status = 'running'
  AND NOT EXISTS (SELECT FROM runs_step s WHERE s.run_id = r.id AND s.status IN ('queued', 'running', 'backoff'))
LIMIT %(at_most)s
"""
# Locks nothing. Returns run ids, at most twice `at_most`: of runs with a step that was queued for so long, and of runs
# that could start; the messages about them may be lost.
UNDISPATCHED = """
(SELECT DISTINCT s.run_id FROM runs_step s JOIN runs_run r ON r.id = s.run_id
 WHERE s.status = 'queued' AND r.status = 'running'
   AND s.queued_at <= clock_timestamp() - %(age_s)s * interval '1 second' LIMIT %(at_most)s)
UNION ALL
(SELECT r.id FROM runs_run r JOIN runs_lane l ON l.id = r.lane_id
 WHERE r.status = 'queued' AND NOT l.paused AND r.queued_at <= clock_timestamp() - %(age_s)s * interval '1 second'
   AND l."limit" > (SELECT count(*) FROM runs_run u WHERE u.lane_id = l.id AND u.status = 'running')
 ORDER BY r.priority DESC, r.started_at NULLS LAST, r.queued_at LIMIT %(at_most)s)
"""
# Locks the duty's row, if it is free, its lease is over, or it is ours. Returns a row when it is ours now.
TAKE_DUTY = """
INSERT INTO runs_duty AS d (name, holder, lease_expires, found)
VALUES (%(name)s, %(holder)s, clock_timestamp() + %(lease_s)s * interval '1 second', '{}')
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_expires = excluded.lease_expires
WHERE d.holder = excluded.holder OR d.lease_expires IS NULL OR d.lease_expires <= clock_timestamp()
RETURNING name
"""


def sweep() -> dict[str, int] | None:
    """One round. Returns what was done, by kind; None when another process has the duty."""
    if not _take_duty():
        return None
    found = {
        "lost": _move_each(LEASES, lambda due: lose_lease(str(due.run_id), due.key, number=due.number)),
        "due": _move_each(BACKOFFS, lambda due: requeue_due(str(due.run_id), due.key)),
        "expired": _move_each(WAITS, lambda due: expire(str(due.run_id), due.key)),
        "timed_out": _move_each(DEADLINES, lambda due: time_out(str(due.run_id))),
        "silent": _move_each(
            UNRESPONSIVE,
            lambda due: end_unresponsive(str(due.run_id), grace_s=UNRESPONSIVE_AFTER_S),
            grace_s=UNRESPONSIVE_AFTER_S,
        ),
        "stranded": _move_each(STRANDED, lambda due: continue_stranded(str(due.run_id))),
        "woken": _wake_undispatched(),
    }
    _end_duty(found)
    if any(found.values()):
        logger.info("sweep: %s", ", ".join(f"{count} {kind}" for kind, count in found.items() if count))
    return found


def _move_each(statement: str, move: Callable[[Due], bool], **values: Any) -> int:
    count = 0
    for due in rows(statement, {"at_most": BATCH, **values}, as_=Due):
        try:
            count += move(due)
        except (IncompatiblePlan, UnsupportedPlan) as error:
            count += fail_unreadable_runs(error)
        except (RunError, ValueError, LookupError, DatabaseError):
            # One run that cannot be rescued must not keep the sweeper from all others.
            logger.exception("sweep: %s could not be recovered", due)
    return count


def fail_unreadable_runs(error: IncompatiblePlan | UnsupportedPlan) -> int:
    """End the runs that nobody can go on with. Returns how many there were, of those that one round may end."""
    logger.error("%s: its runs are ended", error)
    return fail_unreadable(error.version_id, reason=str(error), at_most=BATCH)


def _wake_undispatched() -> int:
    """Messages that got lost are sent again, as many as there are free slots for."""
    room = min(free_slots(), BATCH)
    if room == 0:
        return 0
    unheard = column(UNDISPATCHED, {"age_s": UNDISPATCHED_AFTER_S, "at_most": room})
    return sum(wake(str(run_id)) for run_id in unheard[:room])


def _take_duty() -> bool:
    return bool(rows(TAKE_DUTY, {"name": DUTY, "holder": claimant().name, "lease_s": DUTY_LEASE_S}))


def _end_duty(found: dict[str, int]) -> None:
    now = RawSQL("clock_timestamp()", [])
    Duty.objects.filter(pk=DUTY, holder=claimant().name).update(finished_at=now, found=found)
    old = RawSQL("clock_timestamp() - %s * interval '1 second'", [FORGET_WORKERS_S])
    Worker.objects.filter(seen_at__lt=old).delete()
