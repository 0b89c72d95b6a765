"""The Content Security Policy of every page: scripts, styles and pictures of our own, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src-attr 'unsafe-inline'",  # widths and places in plots and bars
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# The page of the API's documentation begins with a script of its own, which names the schema.
DOCS, DOCS_POLICY = "/api/docs", POLICY + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"

Answer = Callable[[HttpRequest], HttpResponseBase]


def content_security_policy(get_response: Answer) -> Answer:
    """Adds the policy where the view has not set a stricter one."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", DOCS_POLICY if request.path == DOCS else POLICY)
        return response

    return answer
