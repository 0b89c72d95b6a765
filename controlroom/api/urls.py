"""Everything under `/api/`: the calls, their documentation, and a problem document for whatever is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path, re_path, reverse

from controlroom.api import api
from controlroom.api.problems import not_found
from controlroom.http.problems import error_response, invalid_at, problem_response

View = Callable[..., Any]


def with_problem_responses(view: View) -> View:
    """A call that refuses NUL in the address, which no text column takes, and answers 405 by a problem document."""

    @wraps(view)
    def call(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        return _refusal(request) or _problem_for_405(request, view(request, **parts))

    @wraps(view)
    async def call_async(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        return _refusal(request) or _problem_for_405(request, await view(request, **parts))

    return call_async if iscoroutinefunction(view) else call


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    if "\0" in request.path:
        return not_found(request)
    name = next((name for name, values in request.GET.lists() if "\0" in name + "".join(values)), None)
    return (
        error_response(request, invalid_at(f"query.{name}", "the character U+0000 is not allowed"))
        if name is not None
        else None
    )


def _problem_for_405(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if not isinstance(response, HttpResponseNotAllowed):
        return response
    allowed = response.headers["Allow"]
    detail = f"{request.method} is not allowed here; use {allowed}."
    return problem_response(request, 405, detail=detail, headers={"Allow": allowed})


def _guard_all(patterns: list[URLPattern | URLResolver]) -> None:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = with_problem_responses(pattern.callback)


def docs(request: HttpRequest) -> HttpResponseBase:
    """The calls, to read and to try. Its scripts and styles are served from here."""
    pages = json.dumps({"url": reverse("api:openapi-json"), "layout": "BaseLayout", "deepLinking": True})
    return render(request, "ninja/swagger.html", {"api": api, "swagger_settings": pages})


v1, _app_name, _namespace = api.urls
_guard_all(v1)

urlpatterns = [
    path("docs", docs, name="api-docs"),
    path("v1/", not_found),
    path("v1/", (v1, _app_name, _namespace)),
    re_path(r"^.*$", not_found),
]
