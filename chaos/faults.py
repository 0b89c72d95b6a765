"""What is done to the control room. Each fault is applied, healed, and knows when all is well again after it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chaos.observer import Sight
from chaos.processes import House, Outsider, children_of, is_alive
from chaos.proxy import Mode, Proxy
from chaos.schedule import Kind

FILLER_BYTES = 1 << 20
CLOCK_OFF_S = -300
CLOCK_SOURCE = Path(__file__).with_name("clock.c")


class Fault(ABC):
    """`apply` and `heal` raise Gone when what they are about is down at the moment."""

    kind: Kind

    @abstractmethod
    def apply(self) -> None: ...

    def heal(self) -> None:  # noqa: B027  (what strikes once needs none)
        """End it."""

    @abstractmethod
    def is_over(self) -> bool:
        """Whether all is well again: asked after `heal`, from then on until it is so."""


class Kill(Fault):
    """`kill -9` of one process, or of a whole group; somebody else must take its place and do its work.

    `victims` are found when it strikes. `deaths`: (worker's name, moment) of step workers that were hit.
    """

    def __init__(
        self, kind: Kind, *, victims: Callable[[], list[int]], is_back: Callable[[float], bool], sight: Sight
    ) -> None:
        self.kind = kind
        self._victims = victims
        self._is_back = is_back
        self._sight = sight
        self._struck_at = 0.0

    def apply(self) -> None:
        victims = self._victims()
        self._struck_at = time.time()
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, self.number)

    number = signal.SIGKILL

    def is_over(self) -> bool:
        return self._is_back(self._struck_at)


class ImmediateStop(Kill):
    """PostgreSQL's `immediate` shutdown: no checkpoint, sessions are thrown out, the log is replayed at the start."""

    number = signal.SIGQUIT


class KillWorker(Kill):
    """Notes whose attempts must be found lost."""

    def apply(self) -> None:
        names = self._sight.workers_of(self._victims())
        super().apply()
        self._sight.deaths += [(name, self._struck_at) for name in names]


class Stop(Fault):
    """SIGSTOP of a worker past its lease, then SIGCONT: what it says then must be refused."""

    def __init__(self, kind: Kind, *, worker: Outsider, sight: Sight) -> None:
        self.kind = kind
        self._worker = worker
        self._sight = sight
        self._healed_at = 0.0

    def apply(self) -> None:
        self._sight.deaths += [(name, time.time()) for name in self._sight.workers_of([self._worker.pid])]
        self._worker.signal(signal.SIGSTOP)

    def heal(self) -> None:
        self._healed_at = time.time()
        self._worker.signal(signal.SIGCONT)

    def is_over(self) -> bool:
        return self._sight.takes_work(self._worker.pid, since=self._healed_at)


class Link(Fault):
    """The way between a worker and a server misbehaves."""

    def __init__(self, kind: Kind, *, proxy: Proxy, mode: Mode, worker: Outsider, sight: Sight) -> None:
        self.kind = kind
        self._proxy = proxy
        self._mode = mode
        self._worker = worker
        self._sight = sight
        self._healed_at = 0.0

    def apply(self) -> None:
        self._proxy.set(self._mode, delay_s=0.4)

    def heal(self) -> None:
        self._healed_at = time.time()
        self._proxy.set(Mode.PASS)

    def is_over(self) -> bool:
        return self._sight.takes_work(self._worker.pid, since=self._healed_at)


class Deaf(Fault):
    """A worker that lives, is connected to Redis, and is never given anything.

    Its wishes go to a queue that nobody fills, so that no connection breaks and no timeout helps. It is over when the
    worker was ended by whoever noticed, and its successor takes work.
    """

    def __init__(self, kind: Kind, *, proxy: Proxy, worker: Outsider, sight: Sight) -> None:
        self.kind = kind
        self._proxy = proxy
        self._worker = worker
        self._sight = sight
        self._ends = 0
        self.names: list[str] = []
        self.since = 0.0

    @property
    def ended_at(self) -> float | None:
        """When it was ended; None: it was not."""
        ends = self._worker.ends[self._ends :]
        return ends[0] if ends else None

    def apply(self) -> None:
        self.names = self._sight.workers_of([self._worker.pid])
        self._ends, self.since = len(self._worker.ends), time.time()
        self._proxy.set(Mode.DEAF)

    def is_over(self) -> bool:
        if self.ended_at is None:
            return False
        self._proxy.set(Mode.PASS)
        return self._sight.has_answered(self._worker, since=self.since)


class Flush(Fault):
    """FLUSHALL: every message and every subscription's backlog is gone."""

    def __init__(self, kind: Kind, *, flush: Callable[[], None], is_back: Callable[[float], bool]) -> None:
        self.kind = kind
        self._flush = flush
        self._is_back = is_back
        self._struck_at = 0.0

    def apply(self) -> None:
        self._struck_at = time.time()
        self._flush()

    def is_over(self) -> bool:
        return self._is_back(self._struck_at)


class FullDisk(Fault):
    """The file system of the workspaces takes no byte and no file more."""

    def __init__(self, kind: Kind, *, folder: Path) -> None:
        self.kind = kind
        self._filler = folder / ".filler"

    def apply(self) -> None:
        self._filler.mkdir(exist_ok=True)
        self._until_full(lambda number: (self._filler / f"bytes{number}").write_bytes(b"\0" * FILLER_BYTES))
        self._until_full(lambda number: (self._filler / f"file{number}").touch())

    def heal(self) -> None:
        shutil.rmtree(self._filler, ignore_errors=True)

    def is_over(self) -> bool:
        return not self._filler.exists()

    def _until_full(self, write: Callable[[int], object]) -> None:
        for number in range(100_000):
            try:
                write(number)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return


class WrongClock(Fault):
    """A worker whose clock is five minutes off joins for a while."""

    def __init__(self, kind: Kind, *, worker: Outsider, sight: Sight) -> None:
        self.kind = kind
        self._worker = worker
        self._sight = sight

    def apply(self) -> None:
        self._worker.start()

    def heal(self) -> None:
        self._worker.stop()

    def is_over(self) -> bool:
        return True


def children_back(house: House, *, slots: int) -> Callable[[float], bool]:
    """Whether the pool is complete again."""

    def is_back(_since: float) -> bool:
        return len(house.pool()) >= slots

    return is_back


def wrong_clock(folder: Path) -> dict[str, str]:
    """The environment of a process whose clock is off; empty where there is no C compiler to make the library with."""
    library = folder / "clock.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(CLOCK_SOURCE)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"LD_PRELOAD": str(library), "CHAOS_CLOCK_OFF": str(CLOCK_OFF_S)}


def mount_small(folder: Path, *, size: str = "24m", files: int = 4000) -> str:
    """Mount a small file system of memory there. Returns why it could not be done, empty when it was."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={files},mode=0711", "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"a small file system cannot be mounted: {done.stderr.strip()}" if done.returncode else ""


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def group_of(pid: int) -> list[int]:
    """The process and its children: a worker with its pool."""
    return [pid, *filter(is_alive, children_of(pid))]
