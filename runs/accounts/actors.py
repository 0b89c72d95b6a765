"""Who asks: a person who signed in, a token, or the control room itself, with the roles that decide what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from runs.accounts.models import ApiToken

ROLES = VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
PROGRAM = "token "  # begins the name of a program, which calls with a token


@dataclass(frozen=True, slots=True)
class Actor:
    """A name for the log, and roles. `admin` may do all; `operator` may act and see; `viewer` may see."""

    name: str
    roles: frozenset[str]

    @property
    def can_view(self) -> bool:
        return bool(self.roles & {VIEWER, OPERATOR, ADMIN})

    @property
    def can_operate(self) -> bool:
        return bool(self.roles & {OPERATOR, ADMIN})

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    def has_role(self, role: str) -> bool:
        """May decide what is asked of `role`: holders of the role itself, and admins."""
        return role in self.roles or self.is_admin


SYSTEM = Actor("control room", frozenset({ADMIN}))
NOBODY = Actor("", frozenset())


def actor_of_user(user: User | AnonymousUser) -> Actor:
    """Groups are roles; a superuser is an admin. One query, none when the groups were prefetched."""
    if not user.is_authenticated or not user.is_active:
        return NOBODY
    roles = {group.name for group in user.groups.all()}
    if getattr(user, "is_superuser", False):
        roles.add(ADMIN)
    return Actor(user.get_username(), frozenset(roles))


def actor_of_token(token: ApiToken) -> Actor:
    return Actor(f"{PROGRAM}{token.name}", frozenset({token.role}))


def role_of(actor: Actor) -> str:
    """The strongest role, for the page's body; CSS hides what it may not press."""
    return next((role for role in (ADMIN, OPERATOR, VIEWER) if role in actor.roles), "")
