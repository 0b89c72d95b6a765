"""One owner at a time: a lock that the kernel releases when its holder is gone, however it went."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pulser.processes.child import StackError


class OwnerLock:
    """An exclusive flock on a file that names its holder's pid."""

    def __init__(self, path: Path, *, what: str) -> None:
        self.path = path
        self.what = what
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises StackError, naming the holder, when another process has it."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited: children must not keep it alive
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise StackError(
                f"{self.what} is in use by process {holder}; "
                "stop that one, or set CONTROLROOM_DATA to another directory"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two owners lock two files of one name."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
