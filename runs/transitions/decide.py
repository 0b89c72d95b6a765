"""What ends a step's waiting: a person, a timer, or a deadline."""

from __future__ import annotations

from collections.abc import Callable

from pulser.engine import moves
from pulser.engine.states import StepStatus
from pulser.tools.values import clean_text
from runs.errors import Forbidden, MoveRefused, NotFound
from runs.sql import first
from runs.transitions.locked_run import LockedRun, lock_run
from runs.transitions.sql.steps import READ_WAIT, WaitRow

HasRole = Callable[[str], bool]
"""Whether the person who decides has this role. Which one is asked for is known once the run is locked."""


def approve(run_id: str, key: str, *, by: str, has_role: HasRole, comment: str = "") -> None:
    """Say yes: an approval succeeds, a parked step runs again. Raises NotFound, Forbidden, MoveRefused."""
    with lock_run(run_id) as locked:
        wait, comment = _require_waiting(locked, key, has_role), clean_text(comment)
        locked.emit("approval.given", step=key, by=by, comment=comment)
        moves.approve(locked, key, kind=wait.kind, by=by, comment=comment)


def reject(run_id: str, key: str, *, by: str, has_role: HasRole, comment: str = "") -> None:
    """Say no: the step ends in error. Raises NotFound, Forbidden, MoveRefused."""
    with lock_run(run_id) as locked:
        _require_waiting(locked, key, has_role)
        comment = clean_text(comment)
        locked.emit("approval.rejected", step=key, by=by, comment=comment)
        moves.reject(locked, key, reason=f"rejected by {by}" + (f": {comment}" if comment else ""))


def expire(run_id: str, key: str) -> bool:
    """The deadline of a waiting step is over: do what it says happens then. False: it is not, or no longer, so."""
    with lock_run(run_id) as locked:
        wait = _read_wait(locked, key)
        if wait is None or wait.status != StepStatus.WAITING or not wait.is_over:
            return False
        moves.expire(locked, key, kind=wait.kind, then=wait.on_timeout)
        return True


def _require_waiting(locked: LockedRun, key: str, has_role: HasRole) -> WaitRow:
    """The waiting of a step that this person may decide about."""
    wait = _read_wait(locked, key)
    if wait is None:
        raise NotFound(f"step {key} not found")
    role = wait.role or "operator"
    if not has_role(role):
        raise Forbidden(f"this requires the role {role}")
    if wait.status != StepStatus.WAITING or not wait.role:
        raise MoveRefused(f"step {key} is {wait.status}, not waiting for a decision")
    return wait


def _read_wait(locked: LockedRun, key: str) -> WaitRow | None:
    return first(READ_WAIT, {"run_id": locked.run_id, "key": key}, as_=WaitRow)
