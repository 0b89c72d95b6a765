"""What the sweeper does about one step or run that is due or lost.

Each is a conditional move in a transaction of its own.
"""

from __future__ import annotations

from typing import Any

from pulser.engine.advance import Fact
from pulser.engine.commands import Finish
from pulser.engine.retry import Park, RetryDecision, decide_handed_back, decide_lost
from pulser.engine.states import RunStatus, StepStatus
from pulser.language.catalogue import ErrorClass
from pulser.language.limits import APPROVAL_TIMEOUT_S
from pulser.tools.effects import effect_of
from runs.transitions.advancing import close, finish, settle
from runs.transitions.deciding import LOST, end_attempts, go_on, requeue
from runs.transitions.finishing import Suspended, suspension_columns, tell_suspension
from runs.transitions.turn import NOW, Sql, Turn, rows, turn

DUE = "SELECT 1 FROM runs_step WHERE run_id = %s AND key = %s AND next_attempt_at <= clock_timestamp()"
HELD = """
SELECT s.lost, s.attempt - s.budget_from, a.lease_expires <= clock_timestamp() FROM runs_step s
JOIN runs_attempt a ON a.step_id = s.id AND a.number = s.attempt
WHERE s.run_id = %s AND s.key = %s AND s.status = 'running' AND s.attempt = %s
  AND a.finished_at IS NULL AND a.lease_expires IS NOT NULL
"""
LOST_BY = {"lease": "the worker vanished: its lease ran out", "process": "the worker's process ended in mid-work"}


def back(run_id: str, key: str) -> bool:
    """A backoff is over: queue the step again. False: somebody did so already."""
    with turn(run_id) as locked:
        return bool(rows(DUE, [run_id, key])) and requeue(locked, key, cause="retry")


def lose(run_id: str, key: str, *, number: int, how: str = "lease") -> bool:
    """Record an attempt as lost, and queue the step again, ask a person, or end it.

    `how`: its `lease` ran out, or the caller has seen that the `process` which held it has ended. False: not so.
    """
    with turn(run_id) as locked:
        found = rows(HELD, [run_id, key, number])
        if not found or (how == "lease" and not found[0][2]):
            return False
        lost, tries = found[0][0] + 1, found[0][1]
        worker = _take_back(locked, key, number, move="lose", message=LOST_BY[how], lost=lost)
        locked.emit("step.lost", step=key, attempt=number, worker=worker, how=how)
        node = locked.graph.nodes[key]
        policy, effect = locked.graph.retry_of(key), effect_of(node.step)
        _follow(locked, key, number, then=decide_lost(policy, tries=tries, lost=lost, effect=effect))
        return True


def hand_back(run_id: str, key: str, *, number: int) -> bool:
    """A worker that is told to stop gives up a step in mid-work: another one takes it, or a person is asked.

    The try is no part of the step's budget. False: the step is in other hands.
    """
    with turn(run_id) as locked:
        if not rows(HELD, [run_id, key, number]):
            return False
        message, uncounted = "the worker was stopped, and gave it up", Sql("budget_from + 1")
        worker = _take_back(locked, key, number, move="hand_back", message=message, budget_from=uncounted)
        locked.emit("step.handed_back", step=key, attempt=number, worker=worker)
        effect = effect_of(locked.graph.nodes[key].step)
        _follow(locked, key, number, then=decide_handed_back(effect))
        return True


TAKEN_BACK = {"lose": ErrorClass.LOST.value, "hand_back": "handed_back"}  # why another attempt follows


def _take_back(locked: Turn, key: str, number: int, *, move: str, message: str, **columns: Any) -> str:
    """running -> queued, without a word of the worker; returns its name."""
    cause = TAKEN_BACK[move]
    locked.move_steps(move, [key], fence=number, queued_at=NOW, cause=cause, reason="", **columns)
    error_class = cause if move == "lose" else ""
    return end_attempts(locked, [key], outcome=cause, message=message, error_class=error_class).get(key, "")


def _follow(locked: Turn, key: str, number: int, *, then: RetryDecision | Park | None) -> None:
    if locked.is_ending(key):
        _stop_lost(locked, key)
    elif isinstance(then, Park):
        _park(locked, key, number, reason=then.reason)
    elif then is None:
        locked.queued = max(locked.queued - 1, 0)
        reason = "the worker vanished, and no attempt is left"
        locked.move_steps("refuse", [key], fence=number, reason=reason, cause=ErrorClass.LOST.value)
        locked.emit(
            "step.failed", step=key, attempt=number, reason=reason, error_class=ErrorClass.LOST.value, exit_code=None
        )
        settle(locked, {key: Fact(StepStatus.ERROR)})
        go_on(locked)


def _park(locked: Turn, key: str, number: int, *, reason: str) -> None:
    locked.queued = max(locked.queued - 1, 0)
    wait = Suspended(kind=LOST, on_timeout="reject", for_s=APPROVAL_TIMEOUT_S, role="operator", message=reason)
    locked.move_steps("park", [key], fence=number, **suspension_columns(wait) | {"reason": reason})
    locked.emit("step.parked", step=key, attempt=number, reason=reason, role="operator")
    tell_suspension(locked, key, number=number)
    close(locked)


def _stop_lost(locked: Turn, key: str) -> None:
    locked.queued = max(locked.queued - 1, 0)
    reason = "the run was cancelled"
    locked.move_steps("cancel", [key], reason=reason, cause="cancel")
    locked.emit("step.cancelled", step=key, reason=reason)
    settle(locked, {key: Fact(StepStatus.CANCELLED)})
    go_on(locked)


def end_silent(run_id: str, *, grace_s: float) -> bool:
    """A cancelled run whose worker has not answered within the grace: end its steps without it.

    False: nothing to end.
    """
    with turn(run_id) as locked:
        found = rows(
            "SELECT s.key FROM runs_step s JOIN runs_run r ON r.id = s.run_id"
            " WHERE s.run_id = %s AND s.status = 'running'"
            " AND r.cancel_count > s.is_finally::int"
            " AND r.cancel_requested_at <= clock_timestamp() - %s * interval '1 second'",
            [run_id, grace_s],
        )
        keys = [key for (key,) in found]
        if not keys:
            return False
        reason = "the run was cancelled, and the worker did not answer"
        for moved in locked.move_steps("cancel", keys, reason=reason, cause="cancel"):
            locked.emit("step.cancelled", step=moved.key, attempt=moved.attempt, reason=reason)
        end_attempts(locked, keys, outcome="cancelled", message=reason)
        settle(locked, {key: Fact(StepStatus.CANCELLED) for key in keys})
        go_on(locked)
        return True


UNREADABLE = "SELECT id FROM runs_run WHERE plan_version_id = %s AND finished_at IS NULL ORDER BY id LIMIT %s"


def condemn(version_id: int, *, reason: str, at_most: int) -> int:
    """End what runs by a plan that this release cannot read: it would hold up its lane for ever.

    Returns the number of runs that ended.
    """
    return sum(_condemn(str(run_id), reason) for (run_id,) in rows(UNREADABLE, [version_id, at_most]))


def _condemn(run_id: str, reason: str) -> bool:
    with turn(run_id) as locked:
        if locked.is_finished:
            return False
        keys = [key for (key,) in rows("SELECT key FROM runs_step WHERE run_id = %s ORDER BY position", [run_id])]
        for moved in locked.move_steps(
            "cancel", keys, reason=reason, cause="cancel", deadline_at=None, next_attempt_at=None, wait_role=""
        ):
            locked.emit("step.cancelled", step=moved.key, reason=reason)
        end_attempts(locked, keys, outcome="cancelled", message=reason)
        finish(locked, Finish(RunStatus.ERROR, reason))
        return True


def reopen(run_id: str) -> bool:
    """A running run of which nothing is under way (its worker died between two steps): let it go on.

    False: it is not so.
    """
    with turn(run_id) as locked:
        if locked.status != RunStatus.RUNNING:
            return False
        before = len(locked.entries)
        close(locked)
        return len(locked.entries) > before or locked.queued > 0
