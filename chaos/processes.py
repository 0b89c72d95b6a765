"""The processes under attack: those that `controlroom up` looks after, and step workers of our own beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from controlroom.cli.up import celery_worker
from pulser.processes.child import Child, end, kill_group, spawn

RESTART_S = 1.0

# What tells a child of the supervisor from the others: words of its command line.
WORDS = {"worker": "steps@", "control": "control@", "web": "daphne", "postgres": "/postgres", "valkey": "valkey-server"}


class Gone(Exception):
    """The process is not there just now."""


def children_of(pid: int) -> list[int]:
    """Of all threads of the process."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return [child for child in found if is_alive(child)]


def is_alive(pid: int) -> bool:
    """Whether it works; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class House:
    """The children of the supervisor, found by their command lines."""

    def __init__(self, supervisor: int) -> None:
        self.supervisor = supervisor

    def find(self, name: str) -> int:
        """The process of that name. Raises Gone while it is down."""
        for child in children_of(self.supervisor):
            if WORDS[name] in command_of(child):
                return child
        raise Gone(f"{name} is down")

    def pool(self) -> list[int]:
        """The pool processes of the step worker. Raises Gone when it has none."""
        main = self.find("worker")
        return _some([child for child in children_of(main) if _group_of(child) == main], "the pool")

    def watchdog(self) -> list[int]:
        """The process beside the step worker that watches it, in a group of its own. Raises Gone while it is down."""
        main = self.find("worker")
        return _some([child for child in children_of(main) if _group_of(child) == child], "the watchdog")


def _some(found: list[int], what: str) -> list[int]:
    if not found:
        raise Gone(f"{what} is down")
    return found


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


class Outsider:
    """A step worker of our own, on another way to the servers. We look after it as any supervisor would."""

    def __init__(self, name: str, *, env: Mapping[str, str], slots: int, log: Path) -> None:
        argv = [*celery_worker("steps"), "--pool", "prefork", "--concurrency", str(slots)]
        argv[argv.index("steps@%h")] = f"{name}@%h"
        self._child = Child(name=name, argv=argv, env=dict(env), stop_grace_s=10.0)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_at: float | None = None
        self.ends: list[float] = []
        """When it ended by itself."""

    @property
    def pid(self) -> int:
        """Of its main process. Raises Gone while it is down."""
        if self._process is None or self._process.poll() is not None:
            raise Gone(f"{self._child.name} is down")
        return self._process.pid

    def start(self) -> None:
        """From the main thread only: the kernel ties the child's death signal to the thread that forks it."""
        with self._log.open("ab") as output:
            self._process = spawn(self._child, output=output)
        self._ended_at = None

    def look_after(self) -> None:
        """Start it again when it has ended."""
        if self._process is None or self._process.poll() is None:
            return
        if self._ended_at is None:
            self.ends.append(time.time())
            self._ended_at = time.monotonic()
            kill_group(self._process.pid)
        elif time.monotonic() - self._ended_at >= RESTART_S:
            self.start()

    def signal(self, number: signal.Signals) -> None:
        """To the main process and its pool, not to what the steps have started."""
        os.killpg(self.pid, number)

    def stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGCONT)
            end(self._child, self._process)
            self._process = None
