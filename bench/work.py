"""The work that benched steps do; the worker imports it as a `python` function."""

from __future__ import annotations

import time

from pulser.tools.python import effect


@effect("pure")
def fibonacci(n: int) -> int:
    """By its definition, so that time grows with n and nothing else."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@effect("pure")
def now() -> float:
    """The first thing a step can do: look at the clock (seconds since 1970, of this machine)."""
    return time.time()


FUNCTIONS = "bench.work:fibonacci,bench.work:now"
