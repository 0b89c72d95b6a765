"""Ending a run early: somebody asks for it, its plan's timeout is over, or nobody can go on with it."""

from __future__ import annotations

from pulser.engine.moves import abort, cancel_unresponsive, end_early
from runs.accounts.actors import SYSTEM
from runs.errors import MoveRefused
from runs.sql import column, rows
from runs.transitions.locked_run import lock_run
from runs.transitions.sql.runs import IS_OVERDUE, OPEN_OF_VERSION
from runs.transitions.sql.steps import ALL_KEYS, FIND_UNRESPONSIVE


def request_cancel(run_id: str, *, by: str, once: bool = False) -> None:
    """Ask for the run's end: what does not run becomes cancelled now, what runs is told to stop, `finally` runs.

    A second request skips `finally`; with `once` there is none. Raises NotFound, MoveRefused (the run has
    ended, or was asked to before).
    """
    with lock_run(run_id) as locked:
        if locked.is_finished:
            raise MoveRefused(f"the run is already {locked.status}")
        if locked.cancel_count >= 2:
            raise MoveRefused("cancel already requested, including the finally steps")
        if once and locked.cancel_count:
            raise MoveRefused("cancel already requested")
        end_early(locked, stop="cancel", by=by)


def time_out(run_id: str) -> bool:
    """The run's deadline is over: end it early, or, if that had begun, skip what is left of `finally`.

    False: not so.
    """
    with lock_run(run_id) as locked:
        if not rows(IS_OVERDUE, {"run_id": run_id}) or locked.cancel_count >= 2:
            return False
        end_early(locked, stop="timeout", by=SYSTEM.name)
        return True


def end_unresponsive(run_id: str, *, grace_s: float) -> bool:
    """A cancelled run whose worker has not answered within the grace: end its steps without it.

    False: nothing to end.
    """
    with lock_run(run_id) as locked:
        keys = column(FIND_UNRESPONSIVE, {"run_id": run_id, "grace_s": grace_s})
        if keys:
            cancel_unresponsive(locked, keys)
        return bool(keys)


def fail_unreadable(version_id: int, *, reason: str, at_most: int) -> int:
    """End what runs by a plan that this release cannot read: it would hold up its lane for ever.

    Returns the number of runs that ended.
    """
    found = column(OPEN_OF_VERSION, {"version_id": version_id, "at_most": at_most})
    return sum(_fail_unreadable_run(str(run_id), reason) for run_id in found)


def _fail_unreadable_run(run_id: str, reason: str) -> bool:
    with lock_run(run_id) as locked:
        if locked.is_finished:
            return False
        abort(locked, column(ALL_KEYS, {"run_id": run_id}), reason=reason)
        return True
