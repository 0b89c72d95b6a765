"""The ASGI application with less patience for clients that do not read, and without polls: news comes by hints."""

from __future__ import annotations

from controlroom.asgi import application
from controlroom.web.live import backpressure
from runs.stream import feed

__all__ = ["application"]

backpressure.READ_TIMEOUT = backpressure.STREAM_READ_TIMEOUT = 1.0
feed.POLL_INTERVAL = 3600.0
