"""How views answer: a page, a toast, or a refusal with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from runs.errors import Busy, DoesNotFit, Forbidden, KeyReused, MoveRefused, NotThere, RunError, StartRefused, TooLarge
from runs.views.access import PageRequest, View, role_of, signed_in

STATUSES: Mapping[type[RunError], int] = {
    Forbidden: 403,
    NotThere: 404,
    MoveRefused: 409,
    TooLarge: 413,
    StartRefused: 422,
    DoesNotFit: 422,
    KeyReused: 422,
    Busy: 429,
}


NAME_CHARS = 80  # of a title that may have 500


def named(run: object) -> str:
    """A run by its title, as much of it as a toast has room for."""
    return Truncator(str(run)).chars(NAME_CHARS)


def page(request: PageRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A whole page, with what every page needs: the viewer's role."""
    return render(request, template, {"role": role_of(request.actor), **context}, status=status)


def with_toast(response: HttpResponse, text: str, *, undo: str = "", href: str = "", link: str = "") -> HttpResponse:
    """Shows a short message; `undo`: the url that a POST takes it back with; `href` leads on, by the word `link`."""
    more = {"href": href, "link": link} if href else {}
    return _say(response, text=text, undo=undo, **more)


def refused(error: RunError) -> HttpResponse:
    """The error's status, and its message as a toast."""
    response = HttpResponse(error.message, status=status_of(error), content_type="text/plain; charset=utf-8")
    return _say(response, text=error.message, tone="refused")


def _say(response: HttpResponse, **toast: str) -> HttpResponse:
    """A header holds ASCII only, which JSON's escapes are."""
    response["X-Toast"] = json.dumps(toast)
    return response


def status_of(error: RunError) -> int:
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)


def verb(view: View) -> Callable[..., HttpResponseBase]:
    """A button's view: only by POST, only signed in, and what is refused becomes a toast."""

    @require_POST
    @signed_in
    @wraps(view)
    def asked(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except RunError as error:
            return refused(error)

    return asked
