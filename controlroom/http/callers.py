"""Who is at the other end of a request or a socket: a bearer token, else the person of the session cookie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User

from runs.accounts.actors import Actor
from runs.accounts.callers import Caller, caller_of_token, caller_of_user
from runs.accounts.models import ApiToken

if TYPE_CHECKING:
    from django.http import HttpRequest

DEFAULT_PORTS = {"http": 80, "https": 443}


def actor_of_request(request: HttpRequest) -> Actor:
    """The actor behind an HTTP request, `NOBODY` when there is none. One query for a token, two for a session."""
    return caller_of_request(request).actor


def caller_of_request(request: HttpRequest) -> Caller:
    authorization = request.headers.get("Authorization", "")
    return _caller_of_credentials(authorization, user=request.user, session=request.session)


def caller_of_scope(scope: Mapping[str, Any]) -> Caller:
    authorization = header_of(scope, b"authorization")
    return _caller_of_credentials(authorization, user=scope.get("user", AnonymousUser()), session=scope.get("session"))


def header_of(scope: Mapping[str, Any], name: bytes) -> str:
    """The header's value, empty when it is not there."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _caller_of_credentials(authorization: str, *, user: User | AnonymousUser, session: Any) -> Caller:
    """A bearer token decides alone, also against a valid cookie; other schemes belong to proxies before us."""
    secret = _secret_in(authorization)
    if secret is not None:
        return caller_of_token(ApiToken.of_secret(secret))
    return caller_of_user(user, login=getattr(session, "session_key", None) or "")


def bearer_secret(request: HttpRequest) -> str | None:
    """The token that the request brings, valid or not; None when it brings none."""
    return _secret_in(request.headers.get("Authorization", ""))


def _secret_in(authorization: str) -> str | None:
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


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
