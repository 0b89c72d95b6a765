"""How views answer: a page, a toast, or a refusal with its reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from controlroom.http.problems import status_of
from controlroom.http.toasts import set_toast
from controlroom.web.pages.access import PageRequest, PageView, signed_in
from runs.accounts.actors import role_of
from runs.errors import RunError

NAME_CHARS = 80  # of a title that may have 500


def short_title(run: object) -> str:
    """A run by its title, as much of it as a toast has room for."""
    return Truncator(str(run)).chars(NAME_CHARS)


def render_page(request: PageRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A whole page, with what every page needs: the viewer's role."""
    return render(request, template, {"role": role_of(request.actor), **context}, status=status)


def error_toast(error: RunError) -> HttpResponse:
    """The error's status, and its message as a toast."""
    response = HttpResponse(error.message, status=status_of(error), content_type="text/plain; charset=utf-8")
    return set_toast(response, text=error.message, tone="refused")


def command_view(view: PageView) -> Callable[..., HttpResponseBase]:
    """A button's view: only by POST, only signed in, and what is refused becomes a toast."""

    @require_POST
    @signed_in
    @wraps(view)
    def asked(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except RunError as error:
            return error_toast(error)

    return asked
