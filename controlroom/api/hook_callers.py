"""Who calls a hook: a program with a bearer token, or one that signs the body with the hook's secret."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest

from controlroom.api.auth import require
from controlroom.api.request_body import bounded_body
from controlroom.api.signatures import is_signature_valid, is_signed
from controlroom.http.callers import bearer_secret
from controlroom.http.problems import NotAuthenticated
from pulser.language.limits import HOOK_BYTES
from runs.accounts.actors import NOBODY, OPERATOR, Actor
from runs.accounts.callers import caller_of_token
from runs.accounts.models import ApiToken
from runs.models.hook import HookTarget, lookup_hook


class HookCall(NamedTuple):
    """A call whose sender is known. `target`: None when there is no hook of this slug yet."""

    target: HookTarget | None
    actor: Actor
    body: bytes


def authenticate(request: HttpRequest, slug: str) -> HookCall:
    """Who calls, and which hook; a bearer token alone decides where there is one. One query.

    The body is read, bounded, once it is known that a token is good; a signature needs it. Raises NotAuthenticated,
    Forbidden, TooLarge. An unknown hook looks the same as a wrong signature.
    """
    secret = bearer_secret(request)
    if secret is None and not is_signed(request.headers):
        raise NotAuthenticated
    token, target = lookup_hook(slug, secret=secret or "")
    if secret is not None:
        actor = _actor_of_bearer(token)
        return HookCall(target, actor, bounded_body(request, limit=HOOK_BYTES))
    body = bounded_body(request, limit=HOOK_BYTES)
    return HookCall(target, _actor_of_signature(request, target, body), body)


def _actor_of_bearer(token: ApiToken | None) -> Actor:
    actor = caller_of_token(token).actor
    if actor is NOBODY:
        raise NotAuthenticated
    require(actor, OPERATOR)
    return actor


def _actor_of_signature(request: HttpRequest, target: HookTarget | None, body: bytes) -> Actor:
    """Whoever knows the hook's secret may start its plan."""
    if target is None or not is_signature_valid(request.headers, body, secret=target.secret):
        raise NotAuthenticated("the signature does not match the body and the hook's secret")
    return Actor(f"hook {target.slug}", frozenset({OPERATOR}))
