"""The two reasons for a tool to stop before it is done: the step's time is over, or the run was cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from pulser.tools.base import Cancelled, TimedOut, ToolContext

LOOK_S = 0.1  # how often a blocked tool looks up
T = TypeVar("T")


class StopCheck:
    """Counts a call's time from its making, on the monotonic clock."""

    def __init__(self, context: ToolContext) -> None:
        self._timeout_s = context.timeout_s
        self._cancelled = context.cancelled
        self._ends = time.monotonic() + context.timeout_s

    @property
    def left_s(self) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def stopped(self) -> bool:
        return self._cancelled.is_set() or self.left_s == 0.0

    def check(self) -> None:
        """Raises Cancelled or TimedOut when there is a reason to stop."""
        if self._cancelled.is_set():
            raise Cancelled("the run was cancelled")
        if self.left_s == 0.0:
            raise TimedOut(f"timed out after {self._timeout_s:g} s")

    def slice_s(self, at_most: float = LOOK_S) -> float:
        """How long to block before the next look."""
        return min(at_most, self.left_s)


def run_interruptible(
    work: Callable[[], T], *, watch: StopCheck, stop: Callable[[], None] = lambda: None, settle_s: float = 0.0
) -> T:
    """Runs blocking work that cannot look up by itself on a thread of its own, and returns or raises what it does.

    When the watch says so, `stop` is called to unblock it, and `settle_s` seconds are left for it to end: work that was
    done after all counts as done. Else the watch raises. A thread that still does not end is left behind: it is a
    daemon, and only a resolver or a connect that ignores us can hold it.
    """
    task = _Task(work)
    thread = threading.Thread(target=task, name="attended", daemon=True)
    thread.start()
    while thread.is_alive() and not watch.stopped:
        thread.join(watch.slice_s())
    if thread.is_alive():
        stop()
        thread.join(settle_s)
    if thread.is_alive():
        watch.check()
    return task.outcome()


class _Task(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._result: list[T] = []
        self._error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # carried over to the thread that waits
            self._error = error

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result[0]
