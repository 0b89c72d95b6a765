"""Who may call: bearer tokens, with the role that a call asks for. No cookies, so no other site can make a call."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security import HttpBearer

from controlroom.http.callers import actor_of_request
from runs.accounts.actors import NOBODY, OPERATOR, VIEWER, Actor
from runs.errors import Forbidden


class ApiRequest(HttpRequest):
    """A request whose caller is known."""

    auth: Actor


class Bearer(HttpBearer):
    """A valid token whose role is at least `role`. One query."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """The token's actor; None (401) for a token that is wrong, revoked or expired. Raises Forbidden (403)."""
        del token  # it stands in the header, where the shared reader takes it from
        actor = actor_of_request(request)
        if actor is NOBODY:
            return None
        require(actor, self.role)
        return actor


def require(actor: Actor, role: str) -> None:
    """Raises Forbidden unless the actor may do what `role` may do."""
    if not (actor.can_view if role == VIEWER else actor.can_operate):
        raise Forbidden(f"this requires the role {role}; {actor.name} has {', '.join(sorted(actor.roles)) or 'none'}")


may_view = Bearer(VIEWER)
may_operate = Bearer(OPERATOR)
