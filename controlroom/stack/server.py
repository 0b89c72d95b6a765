"""What the embedded servers have in common: a lock, a child process, start and stop."""

from __future__ import annotations

import subprocess
from pathlib import Path

from controlroom.stack.lock import OwnerLock
from pulser.processes.account import make_folder
from pulser.processes.child import Child, end, spawn, wait_until_ready


class EmbeddedServer:
    """A server on a unix socket under a data directory.

    Either `start()` and `stop()` it, or `claim()` it and hand `child()` to a supervisor.
    """

    name: str

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = OwnerLock(self.data / f"{self.name}.lock", what=f"{self.name} in {self.data}")

    def claim(self) -> None:
        """Become the one owner of this server's files. Raises StackError when somebody else is."""
        make_folder(self.data)
        self._lock.acquire()

    def release(self) -> None:
        self._lock.release()

    def child(self) -> Child:
        """How to run the server."""
        raise NotImplementedError

    def start(self, *, log: Path | None = None) -> None:
        """Claim, start, and return when the server answers. Its words go to `log`, by default to our own stderr."""
        self.claim()
        try:
            child = self.child()
            if log is None:
                self.process = spawn(child)
            else:
                with log.open("ab") as output:
                    self.process = spawn(child, output=output)
            wait_until_ready(child, self.process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server if it runs, and give up the claim. May be called twice."""
        if self.process is not None:
            end(self.child(), self.process)
            self.process = None
        self.release()
