"""Callers of the API: with a role, with a bad token, with none."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import Client

from tests.factories import make_token

API = "/api/v1"
JSON = "application/json"


class Caller:
    """A program with a token; `answer.json()` is what it gets."""

    def __init__(self, secret: str = "") -> None:
        self.secret = secret
        self.client = Client(headers={"Authorization": f"Bearer {secret}"} if secret else None)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(API + path, query)

    def post(self, path: str, body: Any = None, *, type: str = JSON, headers: dict[str, str] | None = None) -> Any:
        """`body`: bytes or text as they are, anything else as JSON, None for an empty one."""
        return self.send("POST", path, body, type=type, headers=headers)

    def send(
        self, method: str, path: str, body: Any = None, *, type: str = JSON, headers: dict[str, str] | None = None
    ) -> Any:
        data = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        return self.client.generic(method, API + path, data, content_type=type, headers=headers or {})


def as_role(role: str) -> Caller:
    return Caller(make_token(role))


def streamed(answer: Any) -> bytes:
    """All of an answer that is sent piece by piece."""
    assert answer.status_code == 200
    return async_to_sync(_joined)(answer)


async def _joined(answer: Any) -> bytes:
    return b"".join([piece async for piece in answer])


def problem_in(answer: HttpResponse, status: int) -> dict[str, Any]:
    """The problem document of a refusal, after a look at what all of them have."""
    document = json.loads(answer.content)
    assert (answer.status_code, document["status"]) == (status, status), document
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert document["type"] and document["title"] and document["detail"]
    return document
