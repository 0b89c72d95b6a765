"""What children leave behind: processes whose parent died come to us, so that none outlives the control room.

A step's shell dies with its worker, by its parent-death signal; what that shell had started does not, and only the
process that adopts it can know whose it is.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from pulser.processes.child import LIBC, POLL_INTERVAL

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
END_WITHIN_S = 1.0


class Orphans:
    """A context manager. `is_own` tells the pids of the processes that this one has started itself."""

    def __init__(self, is_own: Callable[[int], bool]) -> None:
        self._is_own = is_own
        self._before: set[int] = set()

    def __enter__(self) -> Self:
        self._before = _children()
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        return self

    def __exit__(self, *_error: object) -> None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def reap(self) -> set[int]:
        """Take note of those that have ended; returns the others."""
        return {pid for pid in _children() - self._before if not self._is_own(pid) and not _has_ended(pid)}

    def end(self) -> None:
        """Kill all of them, and what comes after them: the children of an orphan are orphans next."""
        deadline = time.monotonic() + END_WITHIN_S
        while (left := self.reap()) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_INTERVAL)


def _children() -> set[int]:
    """Of all threads: who is adopted comes to any of them."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(word) for children in lists for word in _read(children).split()}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread has ended meanwhile
        return ""


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True
