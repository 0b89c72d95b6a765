"""A process of a Celery worker's pool as the kernel's heartbeat knows it; each has one heartbeat."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from pulser.kernel.heartbeat import REST_INTERVAL, Heartbeat
from runs.execution.recycling import recycle_process
from runs.execution.shutdown import stopping_for


class PoolProcess:
    """All methods are called in the heartbeat's thread."""

    def must_hand_back(self) -> bool:
        return stopping_for() > settings.HAND_BACK_AFTER_S

    def rest(self, idle_s: float) -> None:
        """First the connection is given back, later the process itself."""
        with suppress(DatabaseError, InterfaceError):
            connection.close()  # each one is a process of the server
        if idle_s > REST_INTERVAL:
            recycle_process()

    def end(self) -> None:
        end_this_process()


def end_this_process() -> None:
    """The pool replaces it. Nothing is flushed or closed: another thread is in the middle of something unknown."""
    os.kill(os.getpid(), signal.SIGKILL)


heartbeat = Heartbeat(PoolProcess())
