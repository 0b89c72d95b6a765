"""The worker's second thread: it stores output, renews the lease, and tells the tool to end.

A tool must end when its run is cancelled, when the lease was lost, and when the worker is stopped and may wait no
longer.

One thread serves a pool process for its whole life; a step that ends within a moment costs it nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from runs.execution.output import FLUSH_INTERVAL, Output
from runs.execution.retiring import retire
from runs.execution.stopping import stopping_for
from runs.transitions.claiming import LEASE_S, Claim
from runs.transitions.finishing import renew

logger = logging.getLogger(__name__)

RENEW_INTERVAL = 10.0  # seconds
IDLE_S = 5.0  # without a step; then its connection is given back
RETIRE_INTERVAL = 5.0  # seconds; from then on
LOOK_INTERVAL = 2.0  # seconds between two looks for a cancellation

LOOK = """
SELECT r.cancel_count > s.is_finally::int FROM runs_step s JOIN runs_run r ON r.id = s.run_id
WHERE s.id = %s AND s.attempt = %s AND s.status = 'running'
"""


@dataclass(slots=True)
class Beat:
    """What the thread watches over. `end_process` is asked when only the end of this process stops the tool."""

    claim: Claim
    output: Output
    cancelled: threading.Event
    hard_deadline: float
    end_process: Callable[[str], None]
    blocks: bool
    told: str = ""
    """Why the tool was told to end: `lost`, `cancelled` or `stopping`."""
    renewed: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)


class Pulse:
    """Start it once in a process; `watch` and `release` tell it about the step at hand."""

    def __init__(self) -> None:
        self._beat: Beat | None = None
        self._pid = 0
        self._wakened = threading.Event()
        self._lock = threading.Lock()

    def watch(self, beat: Beat) -> None:
        with self._lock:
            self._beat = beat
        if self._pid != os.getpid():  # a forked child has no threads of its parent
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="pulse", daemon=True).start()
        self._wakened.set()

    def release(self) -> None:
        """The step is over. Returns when the thread is not in the middle of anything for it."""
        with self._lock:
            self._beat = None

    def _run(self) -> None:
        while True:
            if self._beat is None:
                self._rest()
            time.sleep(FLUSH_INTERVAL)
            with self._lock:
                if self._beat is not None:
                    self._tick(self._beat)

    def _rest(self) -> None:
        """Until there is a step."""
        if not self._wakened.wait(IDLE_S):
            with suppress(DatabaseError, InterfaceError):
                connection.close()  # each one is a process of the server
            while not self._wakened.wait(RETIRE_INTERVAL):
                retire()
        self._wakened.clear()

    def _tick(self, beat: Beat) -> None:
        try:
            if stopping_for() > settings.HAND_BACK_AFTER_S:
                self._stop(beat, "stopping")
            beat.output.flush()
            now = time.monotonic()
            if now - beat.looked >= LOOK_INTERVAL:
                beat.looked = now
                self._look(beat)
            if now - beat.renewed >= RENEW_INTERVAL:
                if not renew(beat.claim, lease_s=LEASE_S):
                    self._stop(beat, "lost")
                beat.renewed = now
            if now >= beat.hard_deadline:
                beat.end_process("timeout")
        except (DatabaseError, InterfaceError) as error:
            # The lease lives on for a while: the next tick tries again on a new connection.
            logger.warning("step %s of run %s: %s", beat.claim.key, beat.claim.run_id, error)
            connection.close()
        except Exception:
            # Without this thread no later step of this process would keep its lease.
            logger.exception("the pulse of step %s of run %s broke", beat.claim.key, beat.claim.run_id)

    def _look(self, beat: Beat) -> None:
        with connection.cursor() as cursor:
            cursor.execute(LOOK, [beat.claim.step_id, beat.claim.number])
            row = cursor.fetchone()
        if row is None:
            self._stop(beat, "lost")
        elif row[0]:
            self._stop(beat, "cancelled")

    def _stop(self, beat: Beat, why: str) -> None:
        beat.told = beat.told or why
        beat.cancelled.set()
        if beat.blocks:
            beat.end_process(why)


def end_this_process() -> None:
    """The pool replaces it. Nothing is flushed or closed: another thread is in the middle of something unknown."""
    os.kill(os.getpid(), signal.SIGKILL)


pulse = Pulse()
