"""The answers to requests that cannot be answered: each says what to do, and leads back.

Django's own answers for these read the request's form once more, and break at one that cannot be read.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from controlroom.http.problems import RETRY_AFTER_S, database_unavailable
from controlroom.http.toasts import with_toast
from runs.accounts.actors import actor_of_user, role_of

SHOWN_CHARS = 200  # of what a stranger sent
STALE = "Nothing was changed: the page was loaded before you signed in. Reload it"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400. Who it is does not matter, and may be what cannot be read."""
    context = {"is_host": isinstance(exception, DisallowedHost), "is_large": _is_large(exception)}
    return _plain(request, "400.html", status=400, host=request.META.get("HTTP_HOST", "")[:SHOWN_CHARS], **context)


def _is_large(error: Exception) -> bool:
    return isinstance(error, RequestDataTooBig | TooManyFieldsSent)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _page(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return _page(request, "404.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without the token of this browser: mostly the page is older than the sign-in."""
    origin = request.headers.get("Origin", "")[:SHOWN_CHARS] if reason.startswith("Origin checking failed") else ""
    response = _plain(request, "403_csrf.html", status=403, origin=origin)
    return with_toast(response, STALE)


def server_error(request: HttpRequest, *_: Any) -> HttpResponse:
    """503 when it only found no database, else 500.

    Django asks for it while it handles the exception, wherever that came from, middleware included.
    """
    error = sys.exception()
    if not isinstance(error, OperationalError | InterfaceError):
        return _plain(request, "500.html", status=500)
    if request.path.startswith("/api/"):
        return database_unavailable(request, error)
    response = _plain(request, "503.html", status=503)
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _page(request: HttpRequest, template: str, *, status: int) -> HttpResponse:
    """Within the frame of all pages, for those who have signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return _plain(request, template, status=status)
    context = {"frame": "base.html", "role": role_of(actor_of_user(user))}
    return HttpResponse(render_to_string(template, context, request=request), status=status)


def _plain(request: HttpRequest, template: str, *, status: int, **context: Any) -> HttpResponse:
    """Without context processors: they would ask the database who this is."""
    return HttpResponse(
        render_to_string(template, {"frame": "plain.html", "request": request, **context}), status=status
    )
