"""Who may ask for a verb. Every command asks here, whatever door the request came through."""

from __future__ import annotations

from runs.accounts.actors import Actor
from runs.errors import Forbidden


def require_operator(actor: Actor) -> None:
    """Raises Forbidden."""
    if not actor.can_operate:
        raise Forbidden("this requires the role operator")
