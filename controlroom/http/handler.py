"""How the web process answers a request: its middleware and its view run in one thread, one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.db import close_old_connections, connections, reset_queries

IDLE_THREADS = 16  # are kept for the next requests


class OneThreadHandler(ASGIHandler):
    """Goes from the event loop to a thread once for each request.

    Django's own handler is asynchronous down to the view, and goes there and back for each middleware that is not. That
    costs more than they do. Asynchronous views still run on the loop. Threads are used again: Django makes one for each
    request, and with it everything that belongs to a thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle: list[ThreadPoolExecutor] = []
        # Another way to the thread and back, and for nothing: connections are given back when a request has ended.
        request_started.disconnect(close_old_connections)
        request_started.disconnect(reset_queries)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain, thread_sensitive=True)  # type: ignore[has-type]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
        except BaseException:
            _end_thread(thread)  # the client has gone, and the view may still be at work: nobody shall wait behind it
            raise
        if len(self._idle) < IDLE_THREADS:
            self._idle.append(thread)
        else:
            _end_thread(thread)


def _end_thread(thread: ThreadPoolExecutor) -> None:
    """Let it end when it is done, and give its connection back."""
    thread.submit(connections.close_all)
    thread.shutdown(wait=False)


def one_thread_application() -> OneThreadHandler:
    """Django's application, set up."""
    django.setup(set_prefix=False)
    return OneThreadHandler()
