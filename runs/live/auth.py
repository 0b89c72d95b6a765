"""Who is at the other end: a bearer token, else the person of the session cookie; asked again while it watches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.sessions.models import Session as LoginSession
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from runs.actors import NOBODY, Actor, actor_of_token, actor_of_user
from runs.models import ApiToken

if TYPE_CHECKING:
    from django.http import HttpRequest

USE_NOTED_EVERY = timedelta(minutes=1)
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Identity:
    """What an actor was recognized by, so that it can be asked again whether it still holds."""

    token: int | None = None
    user: Any = None
    login: str = ""
    password_mark: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor and what it was recognized by."""

    actor: Actor
    identity: Identity = Identity()

    @property
    def has_cookie(self) -> bool:
        """Its browser sends the proof by itself, so another site could make it ask."""
        return self.identity.user is not None


def actor_of_request(request: HttpRequest) -> Actor:
    """The actor behind an HTTP request, `NOBODY` when there is none. One query for a token, two for a session."""
    return caller_of_request(request).actor


def caller_of_request(request: HttpRequest) -> Caller:
    authorization = request.headers.get("Authorization", "")
    return _caller(authorization, user=request.user, session=request.session)


def caller_of_scope(scope: Mapping[str, Any]) -> Caller:
    authorization = header_of(scope, b"authorization")
    return _caller(authorization, user=scope.get("user", AnonymousUser()), session=scope.get("session"))


def header_of(scope: Mapping[str, Any], name: bytes) -> str:
    """The header's value, empty when it is not there."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _caller(authorization: str, *, user: User | AnonymousUser, session: Any) -> Caller:
    """A bearer token decides alone, also against a valid cookie; other schemes belong to proxies before us."""
    secret = _secret_in(authorization)
    if secret is not None:
        return caller_of_token(ApiToken.of_secret(secret))
    if not user.is_authenticated:
        return Caller(NOBODY)
    mark = user.get_session_auth_hash() if isinstance(user, User) else ""
    login = getattr(session, "session_key", None) or ""
    return Caller(actor_of_user(user), Identity(user=user.pk, login=login, password_mark=mark))


def bearer_secret(request: HttpRequest) -> str | None:
    """The token that the request brings, valid or not; None when it brings none."""
    return _secret_in(request.headers.get("Authorization", ""))


def _secret_in(authorization: str) -> str | None:
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def caller_of_token(token: ApiToken | None) -> Caller:
    """The caller behind a valid token, NOBODY behind none; that it was used is noted now and then."""
    if token is None:
        return Caller(NOBODY)
    if token.last_used_at is None or token.last_used_at < timezone.now() - USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=Now())
    return Caller(actor_of_token(token), Identity(token=token.pk))


def is_own_origin(scope: Mapping[str, Any]) -> bool:
    """Whether the page that opened the socket is ours: its Origin names our Host, or one that settings trust."""
    origin, host = header_of(scope, b"origin"), header_of(scope, b"host")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
        return bool(parts.scheme) and _address(origin) == _address(f"{parts.scheme}://{host}")
    except ValueError:
        return False


def _address(url: str) -> tuple[str | None, int | None]:
    """Host and port, the scheme's own port filled in. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)


def still_valid(identities: Iterable[Identity]) -> dict[Identity, Actor]:
    """The actors of those that still hold; others are missing. At most four queries, however many are asked for."""
    asked = set(identities)
    return _tokens_now(asked) | _users_now(asked)


def _tokens_now(asked: set[Identity]) -> dict[Identity, Actor]:
    wanted = {identity.token: identity for identity in asked if identity.token is not None}
    if not wanted:
        return {}
    return {wanted[token.pk]: actor_of_token(token) for token in ApiToken.objects.valid().filter(pk__in=wanted)}


def _users_now(asked: set[Identity]) -> dict[Identity, Actor]:
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


def _same_password(user: AbstractBaseUser, identity: Identity) -> bool:
    return constant_time_compare(user.get_session_auth_hash(), identity.password_mark)
