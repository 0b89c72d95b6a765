"""Hide an ended run from the board, and show it again."""

from __future__ import annotations

from runs import transitions
from runs.accounts.actors import Actor
from runs.commands.rights import require_operator


def archive(run_id: str, *, actor: Actor, bulk: str = "") -> None:
    """`bulk`: the id of the bulk run that does it, by which it can be undone as a whole.

    Raises NotFound, Forbidden, MoveRefused (it has not ended, or is archived).
    """
    require_operator(actor)
    transitions.archive(run_id, by=actor.name, bulk=bulk)


def unarchive(run_id: str, *, actor: Actor, bulk: str = "") -> None:
    """`bulk` as for `archive`. Raises NotFound, Forbidden, MoveRefused."""
    require_operator(actor)
    transitions.unarchive(run_id, by=actor.name, bulk=bulk)
