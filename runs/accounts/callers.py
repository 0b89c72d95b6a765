"""Who calls, and by what they were recognized: asked again as long as they watch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.sessions.models import Session as LoginSession
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from runs.accounts.actors import NOBODY, Actor, actor_of_token, actor_of_user
from runs.accounts.models import ApiToken

USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an actor was recognized by, so that it can be asked again whether it still holds."""

    token: int | None = None
    user: Any = None
    login: str = ""
    password_mark: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor and what it was recognized by."""

    actor: Actor
    identity: Credentials = Credentials()

    @property
    def has_cookie(self) -> bool:
        """Its browser sends the proof by itself, so another site could make it ask."""
        return self.identity.user is not None


def caller_of_token(token: ApiToken | None) -> Caller:
    """The caller behind a valid token, NOBODY behind none; that it was used is noted now and then."""
    if token is None:
        return Caller(NOBODY)
    if token.last_used_at is None or token.last_used_at < timezone.now() - USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=Now())
    return Caller(actor_of_token(token), Credentials(token=token.pk))


def caller_of_user(user: User | AnonymousUser, *, login: str) -> Caller:
    """The caller behind a person who signed in, NOBODY behind none. `login`: the key of the login session."""
    if not user.is_authenticated:
        return Caller(NOBODY)
    mark = user.get_session_auth_hash() if isinstance(user, User) else ""
    return Caller(actor_of_user(user), Credentials(user=user.pk, login=login, password_mark=mark))


def recheck_identities(identities: Iterable[Credentials]) -> dict[Credentials, Actor]:
    """The actors of those that still hold; others are missing. At most four queries, however many are asked for."""
    asked = set(identities)
    return _tokens_now(asked) | _users_now(asked)


def _tokens_now(asked: set[Credentials]) -> dict[Credentials, Actor]:
    wanted = {identity.token: identity for identity in asked if identity.token is not None}
    if not wanted:
        return {}
    return {wanted[token.pk]: actor_of_token(token) for token in ApiToken.objects.valid().filter(pk__in=wanted)}


def _users_now(asked: set[Credentials]) -> dict[Credentials, Actor]:
    people = [identity for identity in asked if identity.user is not None]
    if not people:
        return {}
    logins = {identity.login for identity in people if identity.login}
    open_logins = LoginSession.objects.filter(pk__in=logins, expire_date__gt=Now()).values_list("pk", flat=True)
    closed = logins - set(open_logins)
    users = get_user_model()._default_manager.filter(pk__in={identity.user for identity in people}, is_active=True)
    known = {user.pk: user for user in users.prefetch_related("groups")}
    return {
        identity: actor_of_user(known[identity.user])
        for identity in people
        if identity.user in known and identity.login not in closed and _same_password(known[identity.user], identity)
    }


def _same_password(user: AbstractBaseUser, identity: Credentials) -> bool:
    return constant_time_compare(user.get_session_auth_hash(), identity.password_mark)
