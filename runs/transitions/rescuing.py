"""What the sweeper does about one step or run that is due or lost.

Each is a conditional move in a transaction of its own.
"""

from __future__ import annotations

from pulser.engine.advance import Fact
from pulser.engine.retry import Park, decide_lost
from pulser.engine.states import RunStatus, StepStatus
from pulser.language.catalogue import ErrorClass
from pulser.language.limits import APPROVAL_TIMEOUT_S
from pulser.tools.effects import effect_of
from runs.transitions.advancing import close, settle
from runs.transitions.deciding import LOST, end_attempts, go_on, requeue
from runs.transitions.finishing import Suspended, suspension_columns, tell_suspension
from runs.transitions.turn import NOW, Turn, rows, turn

DUE = "SELECT 1 FROM runs_step WHERE run_id = %s AND key = %s AND next_attempt_at <= clock_timestamp()"
EXPIRED = """
SELECT s.lost, s.attempt - s.budget_from FROM runs_step s
JOIN runs_attempt a ON a.step_id = s.id AND a.number = s.attempt
WHERE s.run_id = %s AND s.key = %s AND s.status = 'running' AND s.attempt = %s
  AND a.finished_at IS NULL AND a.lease_expires <= clock_timestamp()
"""


def back(run_id: str, key: str) -> bool:
    """A backoff is over: queue the step again. False: somebody did so already."""
    with turn(run_id) as locked:
        return bool(rows(DUE, [run_id, key])) and requeue(locked, key, cause="retry")


def lose(run_id: str, key: str, *, number: int) -> bool:
    """A lease ran out: record the attempt as lost, and queue the step again, ask a person, or end it. False: not so."""
    with turn(run_id) as locked:
        found = rows(EXPIRED, [run_id, key, number])
        if not found:
            return False
        lost, tries = found[0][0] + 1, found[0][1]
        locked.move_steps("lose", [key], fence=number, lost=lost, queued_at=NOW, cause="lost", reason="")
        message = "the worker vanished: its lease ran out"
        workers = end_attempts(locked, [key], outcome="lost", message=message, error_class=ErrorClass.LOST.value)
        locked.emit("step.lost", step=key, attempt=number, worker=workers.get(key, ""))
        if locked.is_ending(key):
            _stop_lost(locked, key)
        else:
            _decide(locked, key, number, tries=tries, lost=lost)
        return True


def _decide(locked: Turn, key: str, number: int, *, tries: int, lost: int) -> None:
    effect = effect_of(locked.graph.nodes[key].step)
    decision = decide_lost(locked.graph.retry_of(key), tries=tries, lost=lost, effect=effect)
    if isinstance(decision, Park):
        locked.queued = max(locked.queued - 1, 0)
        wait = Suspended(
            kind=LOST, on_timeout="reject", for_s=APPROVAL_TIMEOUT_S, role="operator", message=decision.reason
        )
        locked.move_steps("park", [key], fence=number, **suspension_columns(wait) | {"reason": decision.reason})
        locked.emit("step.parked", step=key, attempt=number, reason=decision.reason, role="operator")
        tell_suspension(locked, key, number=number)
        close(locked)
    elif decision is None:
        locked.queued = max(locked.queued - 1, 0)
        reason = "the worker vanished, and no attempt is left"
        locked.move_steps("refuse", [key], fence=number, reason=reason, cause=ErrorClass.LOST.value)
        locked.emit(
            "step.failed", step=key, attempt=number, reason=reason, error_class=ErrorClass.LOST.value, exit_code=None
        )
        settle(locked, {key: Fact(StepStatus.ERROR)})
        go_on(locked)


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
