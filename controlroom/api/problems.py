"""What leaves a call of the API as a problem document: domain errors, bad input, and unknown paths."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from controlroom.http.problems import (
    InvalidRequest,
    NotAuthenticated,
    database_unavailable,
    error_response,
    problem_response,
)
from runs.errors import RunError

logger = logging.getLogger(__name__)


def register(api: NinjaAPI) -> None:
    """Make every error that leaves a call a problem document."""
    handlers: dict[type[Exception], Any] = {
        RunError: error_response,
        AuthenticationError: lambda request, _error: error_response(request, NotAuthenticated()),
        ValidationError: _invalid_request,
        HttpError: lambda request, error: problem_response(request, error.status_code, detail=error.message),
        Http404: lambda request, _error: not_found(request),
        OperationalError: database_unavailable,
        InterfaceError: database_unavailable,
        Exception: _internal_error,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _invalid_request(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Values of the path or the query that are none, as pydantic names them."""
    errors = [
        {"path": _dotted(_without_argument_name(found["loc"])), "message": found["msg"]} for found in error.errors
    ]
    return error_response(request, InvalidRequest(_first_error(errors), errors))


def _without_argument_name(place: Sequence[str | int]) -> Sequence[str | int]:
    """Places within a list are told with the name of our own argument, `query`, which nobody outside knows."""
    return place[1:] if tuple(place[:2]) == ("query", "query") else place


def invalid_body(found: Sequence[Mapping[str, Any]]) -> InvalidRequest:
    """What pydantic says of a body."""
    errors = [{"path": _dotted(("body", *error["loc"])), "message": error["msg"]} for error in found]
    return InvalidRequest(_first_error(errors), errors)


def _dotted(place: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in place)


def _first_error(errors: Sequence[Mapping[str, Any]]) -> str:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0]['path']}: {errors[0]['message']}{more}"


def _internal_error(request: HttpRequest, error: Exception) -> HttpResponse:
    """Our own fault: the log has the traceback, the client gets none of it."""
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem_response(request, 500, detail="Internal error; see the server log.")


def not_found(request: HttpRequest, **_path: str) -> HttpResponse:
    """The answer for whatever path under `/api/` is no call."""
    detail = f"{request.path} not found; /api/docs lists all endpoints."
    return problem_response(request, 404, detail=detail)
