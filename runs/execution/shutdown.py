"""A worker that is told to stop: its pool's processes and its watchdog must know, and since when."""

from __future__ import annotations

import mmap
import struct
import time

# Shared by the main process and all that it forks. Zero until the worker is told to stop, then the time of that.
_since = mmap.mmap(-1, 8)
_TIME = struct.Struct("d")  # time.monotonic(), which is the same clock for all processes of a machine


def request_shutdown() -> None:
    """Take nothing new; what is at hand is finished, or given back when it takes too long."""
    if not is_stopping():
        _TIME.pack_into(_since, 0, time.monotonic())


def is_stopping() -> bool:
    return bool(_TIME.unpack_from(_since)[0])


def stopping_for() -> float:
    """Seconds since the worker was told to stop; 0 when it was not."""
    (since,) = _TIME.unpack_from(_since)
    return time.monotonic() - since if since else 0.0
