"""Waiting for a condition, where neither Django nor a server is at hand."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S = 60.0


def wait_until(condition: Callable[[], object], *, within_s: float = WAIT_S) -> None:
    """Return as soon as the condition holds; fail when it does not come true in time."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, f"it did not come true within {within_s:g} s"
        time.sleep(0.01)
