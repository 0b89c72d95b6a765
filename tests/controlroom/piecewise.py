"""An application whose answers come in pieces, behind our intake."""

from __future__ import annotations

from typing import Any

from controlroom.http import request_limits

request_limits.limit_requests()


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for piece in (b"one\n", b"HTTP/1.1 418 two\r\n\r\n", b"three\n"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
