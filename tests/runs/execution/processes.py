"""Real workers of Celery, as processes of their own on the test's database and Valkey."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pulser.processes.child import Child, kill_group, spawn
from runs.execution.worker_identity import worker_name
from runs.models import Worker
from tests.servers import database_url

END_S = 60.0
CELERY = (sys.executable, "-m", "celery", "--app", "controlroom", "--quiet", "worker")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")


class Process:
    """A worker's main process; it leads a process group that holds its pool."""

    def __init__(self, *arguments: str, log: Path, **env: str) -> None:
        child = Child(name="worker", argv=[*CELERY, *arguments, *QUIET], env=_environment(env))
        with log.open("ab") as output:
            self.popen = spawn(child, output=output)

    @property
    def name(self) -> str:
        """As the database knows the worker."""
        return worker_name(self.popen.pid)

    @property
    def children(self) -> list[int]:
        """Its pool processes."""
        return [child for child in self._forked() if _group_of(child) == self.popen.pid]

    @property
    def watchdogs(self) -> list[int]:
        """One, beside a step worker: it is in a process group of its own."""
        return [child for child in self._forked() if _group_of(child) not in (self.popen.pid, None)]

    def _forked(self) -> list[int]:
        pid = self.popen.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def is_registered(self) -> bool:
        return Worker.objects.filter(name=self.name).exists()

    def send(self, number: signal.Signals) -> None:
        """To the main process and its pool, not to what the steps have started."""
        os.killpg(self.popen.pid, number)

    def end(self) -> None:
        """By force: what it started ends with it. Its watchdog has the last word, and nothing is said afterwards."""
        watchdogs = self.watchdogs
        kill_group(self.popen.pid)
        self.popen.wait(END_S)
        ends = time.monotonic() + END_S
        while not all(map(has_ended, watchdogs)):
            assert time.monotonic() < ends, "the watchdog outlives its worker"
            time.sleep(0.02)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def has_ended(pid: int) -> bool:
    """Whether no process of that number works any more; nobody may have reaped it yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def _environment(extra: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": database_url(), **extra}


class Crew:
    """The processes of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "workers.log"
        self._all: list[Process] = []

    def worker(self, *, slots: int = 1, **env: str) -> Process:
        """A step worker."""
        name = f"steps{len(self._all)}@test"
        pool = ("--pool", "prefork", "--concurrency", str(slots))
        return self._add("--queues", "steps", *pool, "--hostname", name, **env)

    def control(self, *more: str) -> Process:
        """Beat and sweeper. `more`: further options."""
        return self._add("--queues", "control", "--pool", "solo", "--beat", "--hostname", "control@test", *more)

    def _add(self, *arguments: str, **env: str) -> Process:
        process = Process(*arguments, log=self.log, **env)
        self._all.append(process)
        return process

    def dismiss(self) -> None:
        for process in self._all:
            process.end()


@contextmanager
def crew(folder: Path) -> Iterator[Crew]:
    """Whoever is hired inside is gone afterwards; what they said is shown when the test fails."""
    hired = Crew(folder)
    try:
        yield hired
    finally:
        hired.dismiss()
        sys.stderr.write(hired.log.read_text(errors="replace"))
