"""Run the failed steps of an ended run again."""

from __future__ import annotations

from runs import transitions
from runs.accounts.actors import Actor
from runs.commands.rights import require_operator


def retry(run_id: str, *, actor: Actor, start: str | None = None) -> None:
    """What failed and what follows from it runs again; `start` names one more step.

    Raises NotFound, Forbidden, MoveRefused. `start.restart` makes a new run instead.
    """
    require_operator(actor)
    transitions.retry(run_id, by=actor.name, start=start)
