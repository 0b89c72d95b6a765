"""The worker's second thread: it hands over output, renews the lease, and tells the tool to end.

A tool must end when its run is cancelled, when the lease was lost, and when the worker is stopped and may wait no
longer.

One thread serves a process for its whole life; a step that ends at once costs it nothing.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pulser.kernel.output import FLUSH_INTERVAL, Output
from pulser.kernel.reporter import Disconnected, Reporter, StopReason

logger = logging.getLogger(__name__)

RENEWALS = 3  # in the time of a lease
REST_INTERVAL = 5.0  # seconds without a step
LOOK_INTERVAL = 2.0  # seconds between two looks for a cancellation


class HostProcess(Protocol):
    """The process that performs steps, as the heartbeat knows it. All are called in the heartbeat's thread."""

    def must_hand_back(self) -> bool:
        """Whether the process is stopping and may wait for its step no longer."""
        ...

    def rest(self, idle_s: float) -> None:
        """There was no step for `idle_s` seconds: give back what others can use. Called every five seconds."""
        ...

    def end(self) -> None:
        """End this process at once: nothing else stops a call that blocks."""
        ...


@dataclass(slots=True)
class WatchedCall:
    """A call that the heartbeat watches over. `hard_deadline` is on the monotonic clock.

    A call that `blocks` cannot be told to end: `end_process` reports the attempt's end and ends the process. It may
    raise Disconnected, and is asked again then.
    """

    name: str
    reporter: Reporter
    output: Output
    lease_s: float
    hard_deadline: float
    blocks: bool
    end_process: Callable[[StopReason], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    stop_reason: StopReason | None = None
    """Why the tool was told to end."""
    renewed_at: float = field(default_factory=time.monotonic)
    looked_at: float = field(default_factory=time.monotonic)


class Heartbeat:
    """Make one in a process; `watch` and `release` tell it about the call at hand."""

    def __init__(self, process: HostProcess) -> None:
        self.process = process
        self._call: WatchedCall | None = None
        self._pid = 0
        self._wakened = threading.Event()
        self._lock = threading.Lock()

    def watch(self, call: WatchedCall) -> None:
        with self._lock:
            self._call = call
        if self._pid != os.getpid():  # a forked child has no threads of its parent
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="heartbeat", daemon=True).start()
        self._wakened.set()

    def release(self) -> None:
        """The call is over. Returns when the thread is not in the middle of anything for it."""
        with self._lock:
            self._call = None

    def _run(self) -> None:
        while True:
            if self._call is None:
                self._rest()
            time.sleep(FLUSH_INTERVAL)
            with self._lock:
                if self._call is not None:
                    self._tick(self._call)

    def _rest(self) -> None:
        """Until there is a call."""
        idle_s = 0.0
        while not self._wakened.wait(REST_INTERVAL):
            idle_s += REST_INTERVAL
            self.process.rest(idle_s)
        self._wakened.clear()

    def _tick(self, call: WatchedCall) -> None:
        try:
            self._beat(call)
        except Disconnected as error:
            # The lease lives on for a while: the next tick tries again.
            logger.warning("%s: %s", call.name, error)
        except Exception:
            # Without this thread no later step of this process would keep its lease.
            logger.exception("%s: heartbeat failed", call.name)

    def _beat(self, call: WatchedCall) -> None:
        if self.process.must_hand_back():
            _stop(call, StopReason.STOPPING)
        call.output.flush()
        now = time.monotonic()
        if now - call.looked_at >= LOOK_INTERVAL:
            call.looked_at = now
            if reason := call.reporter.stop_reason():
                _stop(call, reason)
        if now - call.renewed_at >= call.lease_s / RENEWALS:
            if not call.reporter.renew_lease():
                _stop(call, StopReason.LOST)
            call.renewed_at = now
        if now >= call.hard_deadline:
            call.end_process(StopReason.TIMEOUT)


def _stop(call: WatchedCall, reason: StopReason) -> None:
    call.stop_reason = call.stop_reason or reason
    call.cancelled.set()
    if call.blocks:
        call.end_process(reason)
