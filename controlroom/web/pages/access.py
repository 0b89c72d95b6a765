"""Who may see a page, and what a request to one carries."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from pulser.language.patterns import time_budget
from runs.accounts.actors import Actor, actor_of_user
from runs.queries.lists.zone import seen_from


class PageRequest(HttpRequest):
    """A request of somebody who signed in: `actor` says what they may do, `htmx` which piece of a page asks."""

    actor: Actor
    htmx: HtmxDetails


class PageView(Protocol):
    def __call__(self, request: PageRequest, /, *args: Any, **kwargs: Any) -> HttpResponseBase: ...


def signed_in(view: PageView) -> Callable[..., HttpResponseBase]:
    """Sends strangers to the sign-in page and hands the view a request with its actor."""

    @wraps(view)
    def asked(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.actor = actor_of_user(request.user)
        with seen_from(request.COOKIES), time_budget():  # a form asks the patterns of a plan's schema more than once
            return view(request, *args, **kwargs)

    return login_required(asked)


def for_viewers(view: PageView) -> Callable[..., HttpResponseBase]:
    """As `signed_in`; an account without any role gets 403."""

    @signed_in
    @wraps(view)
    def asked(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.actor.can_view:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return asked


def for_operators(view: PageView) -> Callable[..., HttpResponseBase]:
    """As `signed_in`; who may only look gets 403. For what leads to a verb: the verb itself asks again."""

    @signed_in
    @wraps(view)
    def asked(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.actor.can_operate:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return asked


def current_url(request: PageRequest) -> str:
    """Path and query of the page that htmx asks from; empty for none, and for what is no address of ours."""
    try:
        return request.htmx.current_url_abs_path or ""
    except ValueError:
        return ""


def signed_in_user(request: PageRequest) -> User:
    """Who signed in."""
    assert isinstance(request.user, User)
    return request.user
