from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from controlroom.handler import OneThreadHandler

seen: list[int] = []


class Watched(MiddlewareMixin):
    """Notes on which thread it is asked, like any middleware that looks at request and answer."""

    def process_request(self, request: HttpRequest) -> None:
        seen.append(threading.get_ident())

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        seen.append(threading.get_ident())
        return response


@pytest.fixture
def ask(settings: Any) -> Callable[[str], Any]:
    settings.MIDDLEWARE = [f"{__name__}.Watched"] * 3
    seen.clear()

    async def ask(path: str) -> int:
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        application = ApplicationCommunicator(OneThreadHandler(), scope)
        await application.send_input({"type": "http.request", "body": b""})
        start = await application.receive_output(5)
        return int(start["status"])

    return ask


@pytest.mark.asyncio
async def test_all_middleware_of_a_request_runs_in_one_thread(ask: Callable[[str], Any]) -> None:
    assert await ask("/healthz") == 200
    assert len(seen) == 6
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()
