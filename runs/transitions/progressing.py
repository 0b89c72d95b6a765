"""How far a step is, as its worker says: shown while it runs, and kept as facts in the log."""

from __future__ import annotations

from runs.transitions.claiming import Claim
from runs.transitions.turn import rows, turn

PROGRESS = """
UPDATE runs_step SET progress_done = %s, progress_total = %s
WHERE id = %s AND status = 'running' AND attempt = %s RETURNING id
"""


def progress(claim: Claim, *, done: int, total: int) -> bool:
    """The step is at `done` of `total`. False: the fence refused it, the worker has lost its lease."""
    with turn(claim.run_id) as locked:
        if not rows(PROGRESS, [done, total, claim.step_id, claim.number]):
            return False
        locked.emit("step.progressed", step=claim.key, attempt=claim.number, done=done, total=total)
        return True
