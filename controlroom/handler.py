"""How the web process answers a request: its middleware and its view run in one thread, one after the other."""

from __future__ import annotations

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler


class OneThreadHandler(ASGIHandler):
    """Goes from the event loop to a thread once for each request.

    Django's own handler is asynchronous down to the view, and goes there and back for each middleware that is not. That
    costs more than they do. Asynchronous views still run on the loop.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain, thread_sensitive=True)  # type: ignore[has-type]


def one_thread_application() -> OneThreadHandler:
    """Django's application, set up."""
    django.setup(set_prefix=False)
    return OneThreadHandler()
