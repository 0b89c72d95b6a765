"""Decide about a step that waits for a person."""

from __future__ import annotations

from runs import transitions
from runs.accounts.actors import Actor


def approve(run_id: str, step: str, *, actor: Actor, comment: str = "") -> None:
    """An approval succeeds, a parked step runs again. Raises NotFound, Forbidden, MoveRefused."""
    transitions.approve(run_id, step, by=actor.name, has_role=actor.has_role, comment=comment)


def reject(run_id: str, step: str, *, actor: Actor, comment: str = "") -> None:
    """The step ends in error. Raises NotFound, Forbidden, MoveRefused."""
    transitions.reject(run_id, step, by=actor.name, has_role=actor.has_role, comment=comment)
