"""What people say about whole runs: cancel, retry, archive; and the plan's own timeout."""

from __future__ import annotations

from typing import Any

from pulser.engine.retry import steps_to_retry
from pulser.engine.states import StepStatus
from runs.accounts.actors import SYSTEM, Actor
from runs.errors import Forbidden, MoveRefused, NotThere
from runs.transitions.deciding import end_attempts, go_on
from runs.transitions.turn import NOW, Sql, Turn, in_seconds, rows, turn

FINALLY_S = 300.0  # what is left for `finally` once a run is being ended


def request_cancel(run_id: str, *, actor: Actor, once: bool = False) -> None:
    """Ask for the run's end: what does not run becomes cancelled now, what runs is told to stop, `finally` runs.

    A second request skips `finally`; with `once` there is none. Raises NotThere, Forbidden, MoveRefused (the run has
    ended, or was asked to before).
    """
    _require_operator(actor)
    with turn(run_id) as locked:
        if locked.is_finished:
            raise MoveRefused(f"the run is {locked.status} already")
        if locked.cancel_count >= 2:
            raise MoveRefused("the run is being cancelled already, its finally steps too")
        if once and locked.cancel_count:
            raise MoveRefused("the run is being cancelled already")
        end_early(locked, stop="cancel", by=actor.name)


def time_out(run_id: str) -> bool:
    """The run's deadline is over: end it early, or, if that had begun, skip what is left of `finally`.

    False: not so.
    """
    with turn(run_id) as locked:
        found = rows(
            "SELECT 1 FROM runs_run WHERE id = %s AND finished_at IS NULL AND deadline_at <= clock_timestamp()",
            [run_id],
        )
        if not found or locked.cancel_count >= 2:
            return False
        end_early(locked, stop=locked.stop or "timeout", by=SYSTEM.name)
        return True


def end_early(locked: Turn, *, stop: str, by: str) -> None:
    """First call: end the main steps. Second: the `finally` steps as well."""
    locked.stop = locked.stop or stop
    locked.cancel_count = 2 if locked.cancel_count or not locked.has_started else 1
    locked.changes |= {"stop": locked.stop, "cancel_count": locked.cancel_count, "cancel_requested_at": NOW}
    locked.changes["deadline_at"] = in_seconds(FINALLY_S) if locked.cancel_count == 1 else None
    said: dict[str, Any] = {"by": by, "stop": locked.stop, "finally": locked.cancel_count == 1}
    locked.emit("run.cancel_requested", **said)
    reason = "the run was cancelled" if locked.stop == "cancel" else "the plan's timeout was over"
    for key in _cancel_idle_steps(locked, reason):
        locked.emit("step.cancelled", step=key, reason=reason)
    go_on(locked)


def _cancel_idle_steps(locked: Turn, reason: str) -> list[str]:
    """Cancel what is in nobody's hands; main steps at the first request, `finally` steps at the second."""
    found = rows(
        "SELECT key FROM runs_step WHERE run_id = %s AND status IN ('pending', 'queued', 'backoff', 'waiting')"
        " AND is_finally::int < %s ORDER BY position",
        [locked.run_id, locked.cancel_count],
    )
    keys = [key for (key,) in found]
    if keys:
        locked.move_steps(
            "cancel", keys, reason=reason, cause="cancel", deadline_at=None, next_attempt_at=None, wait_role=""
        )
        end_attempts(locked, keys, outcome="cancelled", message=reason)
    return keys


RESET = """
UPDATE runs_step AS s SET status = 'pending', reason = '', cause = '', outputs = NULL, budget_from = s.attempt,
       lost = 0, progress_done = NULL, progress_total = NULL,
       open_needs = v.n, queued_at = NULL, next_attempt_at = NULL, deadline_at = NULL, wait_kind = '', wait_role = '',
       wait_message = '', on_timeout = ''
FROM unnest(%s::text[], %s::int[]) AS v(key, n) WHERE s.run_id = %s AND s.key = v.key AND s.status = ANY(%s)
"""
RESETTABLE = [StepStatus.SUCCESS, StepStatus.ERROR, StepStatus.SKIPPED, StepStatus.CANCELLED, StepStatus.PENDING]


# One that was cancelled before it started has nothing to count from.
RESTED = Sql(
    "rested_s + CASE WHEN started_at IS NULL THEN 0 ELSE extract(epoch FROM clock_timestamp() - finished_at) END"
)


def retry(run_id: str, *, actor: Actor, start: str | None = None) -> None:
    """error | cancelled -> queued: what failed and what follows from it runs again; `start` names one more step.

    The budget of attempts is fresh, the fence goes on counting. Raises NotThere, Forbidden, MoveRefused.
    """
    _require_operator(actor)
    with turn(run_id) as locked:
        if start is not None and start not in locked.graph.nodes:
            raise NotThere(f"the run has no step {start}")
        found = rows("SELECT key, status FROM runs_step WHERE run_id = %s", [run_id])
        keys = steps_to_retry(locked.graph, {key: StepStatus(status) for key, status in found}, start=start)
        if locked.is_archived:
            locked.changes["archived_at"] = None
            locked.emit("run.unarchived", by=actor.name)
        fresh = {"finished_at": None, "stop": "", "cancel_count": 0, "cancel_requested_at": None, "deadline_at": None}
        said = {"by": actor.name, "from": start, "steps": keys}
        locked.move("retry", said=said, queued_at=NOW, rested_s=RESTED, reason="", result=None, **fresh)
        _reset(locked, keys)


def _reset(locked: Turn, keys: list[str]) -> None:
    again = set(keys)
    open_needs = [len(again.intersection(locked.graph.nodes[key].step.needs)) for key in keys]
    rows(RESET, [keys, open_needs, locked.run_id, [str(status) for status in RESETTABLE]])


def archive(run_id: str, *, actor: Actor, bulk: str = "") -> None:
    """Hide the run from the board. `bulk`: the bulk work that does it, which can be undone as a whole.

    Raises NotThere, Forbidden, MoveRefused (it has not ended, or is hidden).
    """
    _require_operator(actor)
    with turn(run_id) as locked:
        if not locked.is_finished:
            raise MoveRefused(f"a run that is {locked.status} cannot be archived: cancel it first, or let it end")
        if locked.is_archived:
            raise MoveRefused("the run is archived already")
        locked.changes["archived_at"] = NOW
        locked.emit("run.archived", by=actor.name, **_named(bulk))


def unarchive(run_id: str, *, actor: Actor, bulk: str = "") -> None:
    """Show the run on the board again; `bulk` as for `archive`. Raises NotThere, Forbidden, MoveRefused."""
    _require_operator(actor)
    with turn(run_id) as locked:
        if not locked.is_archived:
            raise MoveRefused("the run is not archived")
        locked.changes["archived_at"] = None
        locked.emit("run.unarchived", by=actor.name, **_named(bulk))


def _named(bulk: str) -> dict[str, Any]:
    return {"bulk": bulk} if bulk else {}


def _require_operator(actor: Actor) -> None:
    if not actor.can_operate:
        raise Forbidden("this asks for the role operator")
