"""Passing on how far a tool says that it is: now and then, and without ever disturbing its work."""

from __future__ import annotations

import logging
import time

from pulser.kernel.reporter import Disconnected, Reporter

logger = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two reports: each is an event that goes to viewers
SHARE = 60  # of the time so far, if that is longer: work of hours leaves some hundreds of events, not thousands
LARGEST = 2**63 - 1


class Progress:
    """`ToolContext.progress` of one attempt: at most one report a second, fewer as time goes on, and the last of all.

    It is called in the tool's own thread. What cannot be delivered now is made up for by the next report.
    """

    def __init__(self, reporter: Reporter, *, name: str) -> None:
        self._reporter = reporter
        self._name = name
        self._began_at = time.monotonic()
        self._reported_at = self._began_at - INTERVAL
        self._latest: tuple[int, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        self._latest = (_bounded(done), _bounded(total))
        now = time.monotonic()
        if now - self._reported_at >= max(INTERVAL, (now - self._began_at) / SHARE):
            self.flush()

    def flush(self) -> None:
        """Report the latest numbers, unless that was done. Never raises for a server that is away."""
        if self._latest is None:
            return
        (done, total), self._latest, self._reported_at = self._latest, None, time.monotonic()
        try:
            self._reporter.progress(done=done, total=total)
        except Disconnected as error:
            logger.warning("%s: progress not reported: %s", self._name, error)


def _bounded(number: int) -> int:
    return max(0, min(int(number), LARGEST))
