from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.deprecation import MiddlewareMixin

from controlroom.http.handler import OneThreadHandler

seen: list[int] = []


class Watched(MiddlewareMixin):
    """Notes on which thread it is asked, like any middleware that looks at request and answer."""

    def process_request(self, request: HttpRequest) -> None:
        seen.append(threading.get_ident())

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        seen.append(threading.get_ident())
        return response


entered, go_on = threading.Event(), threading.Event()


def slow(request: HttpRequest) -> HttpResponse:
    entered.set()
    go_on.wait(60)
    return HttpResponse("late")


urlpatterns = [path("slow", slow), path("fast", lambda request: HttpResponse("soon"))]


@pytest.fixture
def ask(settings: Any) -> Callable[[str], Any]:
    settings.MIDDLEWARE = [f"{__name__}.Watched"] * 3
    seen.clear()

    async def ask(where: str) -> int:
        start = await (await asked(OneThreadHandler(), where)).receive_output(5)
        return int(start["status"])

    return ask


async def asked(handler: OneThreadHandler, where: str) -> ApplicationCommunicator:
    scope = {"type": "http", "method": "GET", "path": where, "query_string": b"", "headers": [(b"host", b"localhost")]}
    application = ApplicationCommunicator(handler, scope)
    await application.send_input({"type": "http.request", "body": b""})
    return application


@pytest.mark.asyncio
async def test_all_middleware_of_a_request_runs_in_one_thread(ask: Callable[[str], Any]) -> None:
    assert await ask("/healthz") == 200
    assert len(seen) == 6
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()


@pytest.mark.asyncio
async def test_nobody_waits_behind_a_view_whose_client_has_gone(settings: Any) -> None:
    settings.MIDDLEWARE, settings.ROOT_URLCONF = [], __name__
    handler = OneThreadHandler()
    try:
        gone = await asked(handler, "/slow")
        await asyncio.to_thread(entered.wait, 5)
        gone.future.cancel()
        with suppress(asyncio.CancelledError):
            await gone.future
        answer = await (await asked(handler, "/fast")).receive_output(5)
        assert (answer["status"], go_on.is_set()) == (200, False)
    finally:
        go_on.set()
