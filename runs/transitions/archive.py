"""Hiding ended runs from the board, and showing them again."""

from __future__ import annotations

from typing import Any

from pulser.engine.times import NOW
from runs.errors import MoveRefused
from runs.transitions.locked_run import lock_run


def archive(run_id: str, *, by: str, bulk: str = "") -> None:
    """Hide the run from the board. `bulk`: the bulk work that does it, which can be undone as a whole.

    Raises NotFound, MoveRefused (it has not ended, or is hidden).
    """
    with lock_run(run_id) as locked:
        if not locked.is_finished:
            raise MoveRefused(f"only ended runs can be archived; this run is {locked.status}")
        if locked.is_archived:
            raise MoveRefused("the run is already archived")
        locked.change_run(archived_at=NOW)
        locked.emit("run.archived", by=by, **_bulk_data(bulk))


def unarchive(run_id: str, *, by: str, bulk: str = "") -> None:
    """Show the run on the board again; `bulk` as for `archive`. Raises NotFound, MoveRefused."""
    with lock_run(run_id) as locked:
        if not locked.is_archived:
            raise MoveRefused("the run is not archived")
        locked.change_run(archived_at=None)
        locked.emit("run.unarchived", by=by, **_bulk_data(bulk))


def _bulk_data(bulk: str) -> dict[str, Any]:
    return {"bulk": bulk} if bulk else {}
