"""What travels compressed: pages, their pieces, and JSON. Streams and downloads go as they are."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

WORTH_BYTES = 1_000  # less fits one packet anyway
COMPRESSIBLE = {
    "application/javascript",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/markdown",
    "text/plain",
}


class CompressionMiddleware(GZipMiddleware):
    """Django's own, for whole answers of types that shrink.

    What is streamed stays as it is: an event must not wait in a compressor, and a log or a file may be any size. Nor is
    what somebody downloads compressed, so that its length is known. The size of a compressed page tells nothing of its
    secrets (BREACH): Django masks the CSRF token anew in each answer, and GZipMiddleware adds a random length.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if _shrinks(response) else response


def _shrinks(response: HttpResponseBase) -> bool:
    return (
        isinstance(response, HttpResponse)
        and is_compressible(response.get("Content-Type", ""))
        and len(response.content) >= WORTH_BYTES
        and not response.get("Content-Disposition", "").startswith("attachment")
    )


def is_compressible(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() in COMPRESSIBLE
