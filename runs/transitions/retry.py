"""Running an ended run again, by its button."""

from __future__ import annotations

from pulser.engine import moves
from runs.errors import NotFound
from runs.transitions.locked_run import lock_run
from runs.transitions.sql.runs import RESTED_S


def retry(run_id: str, *, by: str, start: str | None = None) -> None:
    """error | cancelled -> queued: what failed and what follows from it runs again; `start` names one more step.

    The budget of attempts is fresh, the fence goes on counting. Raises NotFound, MoveRefused.
    """
    with lock_run(run_id) as locked:
        if start is not None and start not in locked.graph.nodes:
            raise NotFound(f"step {start} not found")
        moves.retry(locked, by=by, start=start, rested_s=RESTED_S)
