"""Every refusal as a problem document (RFC 9457), in one place: domain errors, bad input, and paths that are none."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

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


def register(api: NinjaAPI) -> None:
    """Make every error that leaves a call a problem document."""
    handlers: dict[type[Exception], Any] = {
        RunError: problem_of,
        AuthenticationError: lambda request, _error: problem_of(request, NotSignedIn()),
        ValidationError: _invalid,
        HttpError: lambda request, error: problem(request, error.status_code, detail=error.message),
        Http404: lambda request, _error: not_found(request),
        OperationalError: no_database,
        InterfaceError: no_database,
        Exception: _broken,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Values of the path or the query that are none, as pydantic names them."""
    errors = [{"path": _dotted(_outside(found["loc"])), "message": found["msg"]} for found in error.errors]
    return problem_of(request, Unfit(_first(errors), errors))


def _outside(place: Sequence[str | int]) -> Sequence[str | int]:
    """Places within a list are told with the name of our own argument, `query`, which nobody outside knows."""
    return place[1:] if tuple(place[:2]) == ("query", "query") else place


def invalid_body(found: Sequence[Mapping[str, Any]]) -> Unfit:
    """What pydantic says of a body."""
    errors = [{"path": _dotted(("body", *error["loc"])), "message": error["msg"]} for error in found]
    return Unfit(_first(errors), errors)


def _dotted(place: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in place)


def _first(errors: Sequence[Mapping[str, Any]]) -> str:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0]['path']}: {errors[0]['message']}{more}"


def no_database(request: HttpRequest, error: Exception) -> HttpResponse:
    """It is away, or all its connections are in use: nothing is wrong with the request."""
    logger.warning("%s %s found no database: %s", request.method, request.path, str(error).strip().partition("\n")[0])
    detail = "The database does not answer, or has no connection free; try again in a few seconds."
    return problem(request, 503, detail=detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    """Our own fault: the log has the traceback, the client gets none of it."""
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(request, 500, detail="The control room failed to answer; its log says why.")


def not_found(request: HttpRequest, **_path: str) -> HttpResponse:
    """The answer for whatever path under `/api/` is no call."""
    detail = f"There is nothing at {request.path}; /api/docs lists all calls."
    return problem(request, 404, detail=detail)
