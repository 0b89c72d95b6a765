"""The work that benched steps do; the worker imports it as a `python` function."""

from __future__ import annotations

import time

from pulser.tools.python import effect


@effect("pure")
def fibonacci(n: int) -> int:
    """By its definition, so that time grows with n and nothing else."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@effect("pure")
def timed_fibonacci(n: int) -> float:
    """How long the work itself took, in seconds: what a run takes beyond it is overhead."""
    began = time.perf_counter()
    fibonacci(n)
    return time.perf_counter() - began


@effect("pure")
def now() -> float:
    """The first thing a step can do: look at the clock (seconds since 1970, of this machine)."""
    return time.time()


@effect("pure")
def rest(seconds: float) -> None:
    """Work that needs time and no processor, as a call to another machine does."""
    time.sleep(seconds)


@effect("pure")
def fail() -> None:
    """Work that says no."""
    raise ValueError("as asked for")


FUNCTIONS = "bench.work:*"
