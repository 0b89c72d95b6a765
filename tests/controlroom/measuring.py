"""An ASGI application that tells how much of what was sent has reached it, behind a bounded Daphne."""

from __future__ import annotations

from typing import Any

from controlroom.http import request_limits

request_limits.limit_requests()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await (_measure if scope["type"] == "http" else _converse)(receive, send)


async def _measure(receive: Any, send: Any) -> None:
    got, more = 0, True
    while more:
        message = await receive()
        got, more = got + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(got).encode()})


async def _converse(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message["text"]))})
