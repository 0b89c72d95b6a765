"""Ask for the end of a run."""

from __future__ import annotations

from runs import transitions
from runs.accounts.actors import Actor
from runs.commands.rights import require_operator


def cancel(run_id: str, *, actor: Actor, once: bool = False) -> None:
    """What does not run becomes cancelled now, what runs is told to stop, and `finally` runs.

    A second request skips `finally`; with `once` there is none. Raises NotFound, Forbidden, MoveRefused (the run has
    ended, or was asked to before).
    """
    require_operator(actor)
    transitions.request_cancel(run_id, by=actor.name, once=once)
