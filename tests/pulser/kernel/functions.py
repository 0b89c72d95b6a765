"""Functions that steps of the kernel's tests call."""

from __future__ import annotations

import threading

from pulser.tools.base import ToolContext, TransientError
from pulser.tools.python import attentive

HOLD_S = 60.0
BEGUN, RELEASED = threading.Event(), threading.Event()


def hold() -> str:
    """Blocks until it is released, and looks at nothing meanwhile."""
    BEGUN.set()
    assert RELEASED.wait(HOLD_S), "nobody released it"
    return "released"


def busy() -> None:
    raise TransientError("come back later")


@attentive
def walk(steps: int, context: ToolContext) -> int:
    """Says after each step how far it is."""
    for step in range(steps):
        context.progress(step + 1, steps)
    return steps
