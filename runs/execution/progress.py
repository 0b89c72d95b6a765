"""Passing on how far a tool says that it is: now and then, and without ever disturbing its work."""

from __future__ import annotations

import logging
import time

from django.db import Error, connection

from runs.errors import NotThere
from runs.transitions.claiming import Claim
from runs.transitions.progressing import progress

logger = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two reports: each is an event that viewers are told
SHARE = 60  # of the time so far, if that is longer: work of hours leaves some hundreds of events, not thousands
LARGEST = 2**63 - 1


class Progress:
    """`ToolContext.progress` of one attempt: at most one report a second, fewer as time goes on, and the last of all.

    It is called in the tool's own thread. What the database cannot take now is told by the next report.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._began_at = time.monotonic()
        self._told_at = self._began_at - INTERVAL
        self._untold: tuple[int, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        self._untold = (_bounded(done), _bounded(total))
        now = time.monotonic()
        if now - self._told_at >= max(INTERVAL, (now - self._began_at) / SHARE):
            self.flush()

    def flush(self) -> None:
        """Tell what was said last, unless it is told. Never raises for a database that is away."""
        if self._untold is None:
            return
        (done, total), self._untold, self._told_at = self._untold, None, time.monotonic()
        try:
            progress(self._claim, done=done, total=total)
        except NotThere:
            pass  # the run was deleted; the pulse finds out
        except Error as error:
            logger.warning(
                "run %s: the progress of step %s is not told: %s", self._claim.run_id, self._claim.key, error
            )
            connection.close()


def _bounded(number: int) -> int:
    return max(0, min(int(number), LARGEST))
