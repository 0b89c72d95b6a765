"""What a worker says while it holds a claim: that it is alive, what it started, and how far it is."""

from __future__ import annotations

from runs.models import Attempt
from runs.sql import rows
from runs.transitions.claim import Claim
from runs.transitions.locked_run import lock_run
from runs.transitions.sql.attempts import RENEW_LEASE
from runs.transitions.sql.steps import SET_PROGRESS


def renew_lease(claim: Claim, *, lease_s: float) -> bool:
    """Prolong the lease; a busy worker shows by it that it is alive.

    False: it was lost, and the step belongs to somebody else.
    """
    values = {"worker": claim.claimant.name, "attempt_id": claim.attempt_id, "lease_s": lease_s}
    return bool(rows(RENEW_LEASE, values))


def note_process_group(claim: Claim, group: int) -> None:
    """Remember the child's process group, so that a later attempt can end what is left of it."""
    Attempt.objects.open().filter(pk=claim.attempt_id).update(process_group=group)


def set_progress(claim: Claim, *, done: int, total: int) -> bool:
    """The step is at `done` of `total`: shown while it runs, and kept in the log.

    False: the fence refused it, the worker has lost its lease.
    """
    values = {"step_id": claim.step_id, "number": claim.number, "done": done, "total": total}
    with lock_run(claim.run_id) as locked:
        if not rows(SET_PROGRESS, values):
            return False
        locked.emit("step.progressed", step=claim.key, attempt=claim.number, done=done, total=total)
        return True
