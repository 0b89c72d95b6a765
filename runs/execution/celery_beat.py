"""Celery's beat as a thread of the control process. Imported there only."""

from __future__ import annotations

import logging
import threading
from typing import Any

import celery.beat

from runs.execution.parent_death import stop_this_process
from runs.execution.shutdown import is_stopping

logger = logging.getLogger(__name__)


def embed() -> None:
    """Have `celery worker -B` start this thread instead of a process. Celery itself has no option for it."""
    celery.beat.EmbeddedService = CeleryBeatThread


class CeleryBeatThread(threading.Thread):
    """A process would have a copy of nearly all of the control process's memory.

    Celery has such a thread too, and waits for its next tick when it stops. This one holds nothing that must be saved.
    """

    def __init__(self, app: Any, **given: Any) -> None:
        super().__init__(name="beat", daemon=True)
        self._service = celery.beat.Service(app, **given)

    def run(self) -> None:
        try:
            self._service.start()
        except Exception:
            logger.exception("beat failed")
        stop_this_process("beat", is_stopping=is_stopping)

    def stop(self) -> None:
        """Returns at once."""
        self._service.stop()
