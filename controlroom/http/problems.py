"""Every refusal as a problem document (RFC 9457): one builder, and one table of the status of each error."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from runs.errors import Busy, Forbidden, IdempotencyKeyReused, MoveRefused, NotFound, RunError, StartRefused, TooLarge

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
Errors = Sequence[Mapping[str, Any]]


class NotAuthenticated(RunError):
    """A bearer token is needed: send `Authorization: Bearer <token>`."""


class UnsupportedMediaType(RunError):
    """The body is not of a type that this call takes."""


class Unavailable(RunError):
    """The server cannot do this now; try again in a few seconds."""


class InvalidRequest(RunError):
    """The request does not fit.

    `errors`: one `{"path": ..., "message": ...}` for each place, with `line` and `column` where there are such.
    """

    def __init__(self, message: str, errors: Errors = ()) -> None:
        super().__init__(message)
        self.errors = list(errors)


STATUS_OF: Mapping[type[RunError], int] = {
    NotAuthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MoveRefused: 409,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    Busy: 429,
    Unavailable: 503,
}
RETRY_AFTER = {"Retry-After": str(RETRY_AFTER_S)}
HEADERS_OF = {401: {"WWW-Authenticate": "Bearer"}, 429: RETRY_AFTER, 503: RETRY_AFTER}


def invalid_at(path: str, message: str, **place: int) -> InvalidRequest:
    """One thing at one place does not fit."""
    return InvalidRequest(f"{path}: {message}", [{"path": path, "message": message, **place}])


def problem_response(
    request: HttpRequest,
    status: int,
    *,
    detail: str,
    errors: Errors | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The answer to a request that is refused. `errors` says for each place what does not fit."""
    phrase = HTTPStatus(status).phrase
    document: dict[str, Any] = {
        "type": f"urn:controlroom:problem:{phrase.lower().replace(' ', '-')}",
        "title": phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
    }
    if errors is not None:
        document["errors"] = list(errors)
    return HttpResponse(json.dumps(document), status=status, content_type=PROBLEM_TYPE, headers=dict(headers or {}))


def error_response(request: HttpRequest, error: RunError) -> HttpResponse:
    """The problem document of a domain error."""
    status = status_of(error)
    return problem_response(
        request, status, detail=error.message, errors=errors_of(error), headers=HEADERS_OF.get(status)
    )


def status_of(error: RunError) -> int:
    """The HTTP status of a refusal; what has none of its own does not fit (422)."""
    return next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), 422)


def errors_of(error: RunError) -> Errors | None:
    """What does not fit, place by place, for those errors that are about places."""
    if isinstance(error, InvalidRequest):
        return error.errors
    if isinstance(error, StartRefused):
        return error.problems
    if isinstance(error, IdempotencyKeyReused):
        return [{"path": "header.Idempotency-Key", "message": error.message}]
    return [] if status_of(error) == 422 else None


def database_unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """It is away, or all its connections are in use: nothing is wrong with the request."""
    logger.warning("%s %s: database unavailable: %s", request.method, request.path, _first_line(error))
    detail = "The database does not answer or has no free connection; try again in a few seconds."
    return error_response(request, Unavailable(detail))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
