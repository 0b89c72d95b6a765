"""The WebSocket paths. What none of them takes is refused with a code, instead of a broken handshake."""

from __future__ import annotations

from django.urls import path, re_path

from controlroom.web.live.consumers import BoardConsumer, RunConsumer, UnknownConsumer

websocket_urlpatterns = [
    path("ws/board", BoardConsumer.as_asgi()),
    path("ws/runs/<str:run_id>", RunConsumer.as_asgi()),
    re_path(r"", UnknownConsumer.as_asgi()),
]
