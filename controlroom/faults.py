"""The answer to a request that broke: 503 when it only found no database, else 500."""

from __future__ import annotations

import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from runs.api.problems import RETRY_AFTER_S, no_database


def answer(request: HttpRequest, *_: Any) -> HttpResponse:
    """Django asks for it while it handles the exception, wherever that came from, middleware included."""
    error = sys.exception()
    if not isinstance(error, OperationalError | InterfaceError):
        return server_error(request)
    if request.path.startswith("/api/"):
        return no_database(request, error)
    page = render_to_string("503.html")  # without the request: its context would ask the database who this is
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
