"""Every refusal as a problem document (RFC 9457): one builder, and one table of the status of each error."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from runs.errors import Busy, Forbidden, KeyReused, MoveRefused, NotThere, RunError, StartRefused, TooLarge

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
Errors = Sequence[Mapping[str, Any]]


class NotSignedIn(RunError):
    """A bearer token is needed: send `Authorization: Bearer <token>`."""


class WrongType(RunError):
    """The body is not of a type that this call takes."""


class Unfit(RunError):
    """The request does not fit.

    `errors`: one `{"path": ..., "message": ...}` for each place, with `line` and `column` where there are such.
    """

    def __init__(self, message: str, errors: Errors = ()) -> None:
        super().__init__(message)
        self.errors = list(errors)


STATUS_OF: Mapping[type[RunError], int] = {
    NotSignedIn: 401,
    Forbidden: 403,
    NotThere: 404,
    MoveRefused: 409,
    TooLarge: 413,
    WrongType: 415,
    Busy: 429,
}
HEADERS_OF = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": str(RETRY_AFTER_S)}}


def unfit(path: str, message: str, **place: int) -> Unfit:
    """One thing at one place does not fit."""
    return Unfit(f"{path}: {message}", [{"path": path, "message": message, **place}])


def problem(
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


def problem_of(request: HttpRequest, error: RunError) -> HttpResponse:
    """The problem document of a domain error."""
    status = status_of(error)
    return problem(request, status, detail=error.message, errors=errors_of(error), headers=HEADERS_OF.get(status))


def status_of(error: RunError) -> int:
    """The HTTP status of a refusal; what has none of its own does not fit (422)."""
    return next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), 422)


def errors_of(error: RunError) -> Errors | None:
    """What does not fit, place by place, for those errors that are about places."""
    if isinstance(error, Unfit):
        return error.errors
    if isinstance(error, StartRefused):
        return error.problems
    if isinstance(error, KeyReused):
        return [{"path": "header.Idempotency-Key", "message": error.message}]
    return [] if status_of(error) == 422 else None


def no_database(request: HttpRequest, error: Exception) -> HttpResponse:
    """It is away, or all its connections are in use: nothing is wrong with the request."""
    logger.warning("%s %s found no database: %s", request.method, request.path, str(error).strip().partition("\n")[0])
    detail = "The database does not answer, or has no connection free; try again in a few seconds."
    return problem(request, 503, detail=detail, headers={"Retry-After": str(RETRY_AFTER_S)})
