"""A worker's watchdog: a small process beside it that sees what the worker itself cannot say.

- The worker is there: a sign of life, also when it has nothing to do.
- A process of its pool ended in mid-work: the step is somebody else's at once, not when the lease has run out.
- It is deaf: it has a free slot, the queue brings messages, and none arrives. Then it is ended, so that whoever
  supervises it, `controlroom up` or another, starts it anew.
- It ended: what it left in mid-work is given back, and nobody waits for its answers.

It is a process and no thread, because a thread is stopped, and stuck, together with the worker.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError, connection, connections
from kombu.exceptions import OperationalError

from runs.errors import RunError
from runs.execution import shutdown, worker_registry
from runs.execution.parent_death import signal_on_parent_death
from runs.execution.worker_identity import claimant, main_pid
from runs.sql import rows
from runs.transitions.recover import hand_back, lose_lease

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 5.0  # seconds, unless a process ends
SUSPECT_AFTER_S = 15.0
WORKER_UNRESPONSIVE_S = 30.0
UNANSWERED_PROBES_MAX = 3  # times that probes went into the queue and none came out here
END_WITHIN_S = 15.0  # a worker that is told to stop, then it is killed
POOL_ENDS_WITHIN_S = 5.0  # after a worker that was killed: the kernel sees to it, when it comes to it
FINAL_REPORT_S = 10  # whatever they wait for, then the watchdog ends as well

# Locks nothing. Returns Held for each attempt that this worker's processes have under a lease.
OPEN_ATTEMPTS = """
SELECT s.run_id, s.key, a.number, a.process FROM runs_attempt a JOIN runs_step s ON s.id = a.step_id
WHERE a.worker = %(worker)s AND a.finished_at IS NULL AND a.lease_expires IS NOT NULL AND a.process IS NOT NULL
"""


class AttemptOfProcess(NamedTuple):
    """An attempt in the hands of one of the worker's processes."""

    run_id: Any
    key: str
    number: int
    process: int


def start(ask: Callable[[], None]) -> int:
    """Fork the watchdog; called in the worker's main process before it has threads or connections. Returns its pid.

    `ask` sends probes through the step queue, one for each worker. It raises kombu's OperationalError or OSError when
    the broker does not take them.
    """
    child = os.fork()
    if child == 0:
        try:
            _watch(ask)
        except BaseException:
            logger.exception("watchdog of worker %s failed", claimant().name)
        finally:
            os._exit(0)
    return child


def _watch(ask: Callable[[], None]) -> None:
    os.setpgrp()  # a signal to the worker's group is not for the one who watches it
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(
        signal.SIGUSR1, _set_exit_alarm
    )  # it may come twice: from the worker's main thread, and from its last one
    signal_on_parent_death(main_pid(), signal.SIGUSR1)
    Watchdog(main_pid(), ask=ask).run()


def _set_exit_alarm(*_given: object) -> None:
    """The worker has ended. Should a database hold us up that does not answer, the alarm ends this process."""
    signal.alarm(FINAL_REPORT_S)


class Watchdog:
    """Watches over the worker whose main process is `main`. Use it in a process of its own."""

    def __init__(self, main: int, *, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._pid = main
        self._main = os.pidfd_open(main)
        self._pool: dict[int, int] = {}  # pid -> pidfd
        self._asked = 0

    def run(self) -> None:
        """Watch until the worker has ended, and say its last words."""
        while not self._has_main_ended(LOOK_INTERVAL):
            self.look()
            self._meet(_children(self._pid) - {os.getpid()})
        self._safely(self._last_words)
        connections.close_all()

    def _safely(self, part: Callable[[], None]) -> None:
        try:
            part()
        except (DatabaseError, InterfaceError, OperationalError, OSError) as error:
            # Who cannot ask knows nothing: the count begins anew, so that no worker is ended for a fault elsewhere.
            logger.warning("watchdog of worker %s cannot read the database: %s", claimant().name, error)
            connection.close()
            self._asked = 0

    def _has_main_ended(self, within_s: float) -> bool:
        """Wait until the worker or a process of its pool has ended, at most so long."""
        return self._main in self._wait([self._main], within_s)

    def _wait(self, others: list[int], within_s: float) -> list[int]:
        """The descriptors of what has ended. Processes of the pool that have are watched no longer."""
        ended, _, _ = select.select([*others, *self._pool.values()], [], [], within_s)
        for pid in [pid for pid, descriptor in self._pool.items() if descriptor in ended]:
            os.close(self._pool.pop(pid))
        return ended

    def _meet(self, pids: set[int]) -> None:
        """Know from now on when these processes of the pool end."""
        for pid in pids - self._pool.keys():
            with suppress(OSError):  # it has ended already
                self._pool[pid] = os.pidfd_open(pid)

    def look(self) -> None:
        """One round: give up what has nobody, say that the worker is there, end it when it is deaf."""
        self._safely(self._look)

    def _look(self) -> None:
        hand_back_dead_attempts(lambda held: lose_lease(str(held.run_id), held.key, number=held.number, how="process"))
        quiet_s = worker_registry.worker_heartbeat()
        if quiet_s <= SUSPECT_AFTER_S or shutdown.is_stopping():
            self._asked = 0
            return
        self._ask()
        self._asked += 1
        if quiet_s > WORKER_UNRESPONSIVE_S and self._asked > UNANSWERED_PROBES_MAX:
            self._end_worker(quiet_s)

    def _end_worker(self, quiet_s: float) -> None:
        logger.error(
            "worker %s has a free slot but took no message from the step queue for %.0f s: restarting it",
            claimant().name,
            quiet_s,
        )
        shutdown.request_shutdown()
        pool = _children(self._pid) - {os.getpid()}
        _send(signal.SIGTERM, {self._pid})
        _send(signal.SIGCONT, {self._pid, *pool})  # one that was stopped can end in good order
        until = time.monotonic() + END_WITHIN_S
        while not self._has_main_ended(max(until - time.monotonic(), 0.0)):
            if time.monotonic() >= until:
                _send(signal.SIGKILL, {self._pid, *pool})
                return

    def _last_words(self) -> None:
        # Who was killed together with the worker may end after it, and may have come since the last look.
        self._meet({held.process for held in _in_hand()})
        until = time.monotonic() + POOL_ENDS_WITHIN_S
        while self._pool and (left := until - time.monotonic()) > 0:
            self._wait([], left)
        worker_registry.unregister_worker()
        if shutdown.is_stopping():
            hand_back_dead_attempts(lambda held: hand_back(str(held.run_id), held.key, number=held.number))
        else:
            hand_back_dead_attempts(
                lambda held: lose_lease(str(held.run_id), held.key, number=held.number, how="process")
            )


def hand_back_dead_attempts(move: Callable[[AttemptOfProcess], bool]) -> int:
    """Make this move for each attempt of this worker whose process has ended. Returns how many moved."""
    count = 0
    for held in _in_hand():
        if not _is_alive(held.process) and _try_move(move, held):
            logger.error(
                "run %s: process %s of worker %s died during step %s, attempt %s",
                held.run_id,
                held.process,
                claimant().name,
                held.key,
                held.number,
            )
            count += 1
    return count


def _in_hand() -> list[AttemptOfProcess]:
    """What this worker's processes have in hand."""
    return rows(OPEN_ATTEMPTS, {"worker": claimant().name}, as_=AttemptOfProcess)


def _try_move(move: Callable[[AttemptOfProcess], bool], held: AttemptOfProcess) -> bool:
    try:
        return move(held)
    except (RunError, ValueError, LookupError):
        # One run that cannot be rescued must not keep the watchdog from the others.
        logger.exception("run %s: step %s could not be recovered", held.run_id, held.key)
        return False


def _is_alive(pid: int) -> bool:
    """Whether it works: one that has ended may still wait for somebody to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _children(pid: int) -> set[int]:
    """Of all its threads."""
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found.update(int(word) for word in path.read_text().split())
    return found


def _send(number: signal.Signals, pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
