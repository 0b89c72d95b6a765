"""What ends a step's waiting: a person, a timer, or a deadline."""

from __future__ import annotations

from typing import Any

from pulser.engine.advance import Fact
from pulser.engine.states import RunStatus, StepStatus
from pulser.language.catalogue import ErrorClass
from pulser.tools.values import clean_text
from runs.accounts.actors import Actor
from runs.errors import Forbidden, MoveRefused, NotThere
from runs.transitions.advancing import close, resume, settle
from runs.transitions.turn import NOW, Turn, rows, turn

LOST = "lost"


def approve(run_id: str, key: str, *, actor: Actor, comment: str = "") -> None:
    """Say yes: an approval succeeds, a parked step runs again. Raises NotThere, Forbidden, MoveRefused."""
    with turn(run_id) as locked:
        kind, comment = _waiting_for(locked, key, actor), clean_text(comment)
        locked.emit("approval.given", step=key, by=actor.name, comment=comment)
        _say_yes(locked, key, kind, by=actor.name, comment=comment)


def reject(run_id: str, key: str, *, actor: Actor, comment: str = "") -> None:
    """Say no: the step ends in error. Raises NotThere, Forbidden, MoveRefused."""
    with turn(run_id) as locked:
        _waiting_for(locked, key, actor)
        comment = clean_text(comment)
        locked.emit("approval.rejected", step=key, by=actor.name, comment=comment)
        _say_no(locked, key, f"rejected by {actor.name}" + (f": {comment}" if comment else ""))


def expire(run_id: str, key: str) -> bool:
    """The deadline of a waiting step is over: do what it says happens then. False: it is not, or no longer, so."""
    with turn(run_id) as locked:
        found = rows(
            "SELECT wait_kind, on_timeout FROM runs_step WHERE run_id = %s AND key = %s AND status = 'waiting'"
            " AND deadline_at <= clock_timestamp()",
            [run_id, key],
        )
        if not found:
            return False
        kind, then = found[0]
        if then == "succeed":
            _succeed(locked, key, {})
            return True
        locked.emit("approval.expired", step=key, then=then)
        if then == "approve":
            _say_yes(locked, key, kind, by="timeout", comment="")
        else:
            _say_no(locked, key, "nobody decided in time", error_class=ErrorClass.TIMEOUT)
        return True


def _waiting_for(locked: Turn, key: str, actor: Actor) -> str:
    found = rows(
        "SELECT status, wait_kind, wait_role FROM runs_step WHERE run_id = %s AND key = %s", [locked.run_id, key]
    )
    if not found:
        raise NotThere(f"the run has no step {key}")
    status, kind, role = found[0]
    if not actor.has_role(role or "operator"):
        raise Forbidden(f"this asks for the role {role or 'operator'}")
    if status != StepStatus.WAITING or not role:
        raise MoveRefused(f"step {key} is {status} and does not wait for a person")
    return str(kind)


def _say_yes(locked: Turn, key: str, kind: str, *, by: str, comment: str) -> None:
    if kind == LOST:
        requeue(locked, key, cause="approved", lost=0)
    else:
        _succeed(locked, key, {"decision": "approved", "by": by, "comment": comment})


def _succeed(locked: Turn, key: str, outputs: dict[str, Any]) -> None:
    _end_waiting(locked, "settle", key, outcome="success", outputs=outputs, cause="", reason="")
    locked.emit("step.succeeded", step=key, outputs=outputs)
    settle(locked, {key: Fact(StepStatus.SUCCESS, "", outputs)})
    go_on(locked)


def _say_no(locked: Turn, key: str, reason: str, *, error_class: ErrorClass = ErrorClass.PERMANENT) -> None:
    reason = reason[:500]
    _end_waiting(locked, "refuse", key, outcome="error", message=reason, cause=error_class.value, reason=reason)
    locked.emit("step.failed", step=key, reason=reason, error_class=error_class.value, exit_code=None)
    settle(locked, {key: Fact(StepStatus.ERROR)})
    go_on(locked)


def _end_waiting(locked: Turn, move: str, key: str, *, outcome: str, message: str = "", **columns: Any) -> None:
    locked.move_steps(move, [key], deadline_at=None, wait_role="", **columns)
    end_attempts(locked, [key], outcome=outcome, message=message, error_class=str(columns["cause"]))


END_ATTEMPTS = """
UPDATE runs_attempt a SET finished_at = clock_timestamp(), lease_expires = NULL, outcome = %s, error_class = %s,
       error_message = %s
FROM runs_step s WHERE s.run_id = %s AND s.key = ANY(%s) AND a.step_id = s.id AND a.finished_at IS NULL
RETURNING s.key, a.worker
"""


def end_attempts(
    locked: Turn, keys: list[str], *, outcome: str, message: str = "", error_class: str = ""
) -> dict[str, str]:
    """Close what is open of these steps; returns the worker of each."""
    return dict(rows(END_ATTEMPTS, [outcome, error_class, message, locked.run_id, keys]))


def requeue(locked: Turn, key: str, *, cause: str, **columns: Any) -> bool:
    """backoff | waiting -> queued; a run that waited queues for its lane again. False: the step has moved on."""
    cleared: dict[str, Any] = {"next_attempt_at": None, "deadline_at": None, "wait_role": "", "reason": ""}
    if not locked.move_steps("requeue", [key], queued_at=NOW, cause=cause, **cleared, **columns):
        return False
    locked.emit("step.queued", step=key, cause=cause)
    go_on(locked)
    return True


def go_on(locked: Turn) -> None:
    """Something of a waiting run has ended or can be claimed: queue for the lane, or end the run."""
    locked.write_releases()
    if locked.queued and locked.status == RunStatus.WAITING:
        resume(locked)
    elif not locked.queued and not locked.is_finished:
        close(locked)
