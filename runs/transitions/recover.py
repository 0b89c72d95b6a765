"""What happens to a step whose pause is over, whose worker is gone or gives it up, and to a run that nobody moves.

Each is a conditional move in a transaction of its own.
"""

from __future__ import annotations

from pulser.engine import moves
from pulser.engine.driver import conclude_run
from pulser.engine.states import RunStatus
from runs.sql import first, rows
from runs.transitions.locked_run import LockedRun, lock_run
from runs.transitions.sql.attempts import FIND_HELD, HeldAttempt
from runs.transitions.sql.steps import IS_DUE


def requeue_due(run_id: str, key: str) -> bool:
    """A backoff is over: queue the step again. False: somebody did so already."""
    with lock_run(run_id) as locked:
        return bool(rows(IS_DUE, {"run_id": run_id, "key": key})) and moves.requeue(locked, key, cause="retry")


def lose_lease(run_id: str, key: str, *, number: int, how: str = "lease") -> bool:
    """Record an attempt as lost, and queue the step again, ask a person, or end it.

    `how`: its `lease` ran out, or the caller has seen that the `process` which held it has ended. False: not so.
    """
    with lock_run(run_id) as locked:
        held = _find_held(locked, key, number)
        if held is None or (how == "lease" and not held.is_expired):
            return False
        moves.record_lost(locked, key, number=number, tries=number - held.budget_from, lost=held.lost, how=how)
        return True


def hand_back(run_id: str, key: str, *, number: int) -> bool:
    """A worker that is told to stop gives up a step in mid-work: another one takes it, or a person is asked.

    The try is no part of the step's budget. False: the step is in other hands.
    """
    with lock_run(run_id) as locked:
        held = _find_held(locked, key, number)
        if held is not None:
            moves.hand_back(locked, key, number=number, budget_from=held.budget_from)
        return held is not None


def _find_held(locked: LockedRun, key: str, number: int) -> HeldAttempt | None:
    return first(FIND_HELD, {"run_id": locked.run_id, "key": key, "number": number}, as_=HeldAttempt)


def continue_stranded(run_id: str) -> bool:
    """A running run of which nothing is under way (its worker died between two steps): let it go on.

    False: it is not so.
    """
    with lock_run(run_id) as locked:
        if locked.status != RunStatus.RUNNING:
            return False
        before = len(locked.events)
        conclude_run(locked)
        return len(locked.events) > before or locked.has_claimable
