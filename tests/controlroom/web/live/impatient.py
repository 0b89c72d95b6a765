"""The ASGI application with less patience for clients that do not read, so that a test need not have so much."""

from __future__ import annotations

from controlroom.asgi import application
from controlroom.web.live import backpressure

__all__ = ["application"]

backpressure.READ_TIMEOUT = backpressure.STREAM_READ_TIMEOUT = 1.0
