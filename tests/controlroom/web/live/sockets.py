"""A client's end of a socket, in process, through the real ASGI application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from controlroom.asgi import application
from runs import hints
from runs.models import Event, Run
from tests.factories import say

Headers = list[tuple[bytes, bytes]]

HOST = b"board.test"
WAIT_S = 60.0  # for what comes; on a busy machine it comes late


def bearer(secret: str) -> Headers:
    return [(b"authorization", f"Bearer {secret}".encode())]


def cookie(user: User, *, origin: str | None = "http://board.test") -> Headers:
    """What a browser sends in which this person has signed in."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    headers = [(b"host", HOST), (b"cookie", f"{name}={client.cookies[name].value}".encode())]
    return headers if origin is None else [*headers, (b"origin", origin.encode())]


class Socket(WebsocketCommunicator):
    """A client's end."""

    async def frame(self, *, within_s: float = WAIT_S) -> dict[str, Any]:
        return json.loads(await self.receive_from(timeout=within_s))

    async def close_code(self, *, within_s: float = WAIT_S) -> int:
        """The code that the server closes with; frames before are passed over."""
        while True:
            output = await self.receive_output(timeout=within_s)
            if output["type"] == "websocket.close":
                return output["code"]

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next events of as many frames as it takes."""
        got: list[dict[str, Any]] = []
        while len(got) < count:
            got += (await self.frame())["events"]
        return got


@asynccontextmanager
async def open_socket(path: str, headers: Headers) -> AsyncIterator[Socket]:
    client = Socket(application, path, headers=headers)
    accepted, _ = await client.connect(timeout=WAIT_S)
    assert accepted
    try:
        yield client
    finally:
        await client.disconnect(timeout=WAIT_S)


async def outside(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call what needs the database, from an async test."""
    return await sync_to_async(call)(*args, **kwargs)


def tell(run: Run, kind: str = "run.started", **data: Any) -> Event:
    """Append an event, and hint at it."""
    event = say(run, kind, **data)
    hints.publish(str(run.pk), seq=event.seq)
    return event
