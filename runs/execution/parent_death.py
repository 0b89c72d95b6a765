"""A process and its helper live and die together: each is of no use alone, and nobody would miss it.

The control process has beat, a thread; a worker has its watchdog, a process.
"""

from __future__ import annotations

import ctypes
import logging
import os
import select
import signal
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def signal_on_parent_death(parent: int, number: signal.Signals) -> None:
    """Get this signal when the process that forked this one has ended."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), number)


def stop_with_helper(helper: int, *, name: str, is_stopping: Callable[[], bool]) -> None:
    """Called in the main process: stop it when its helper has ended, so that whoever supervises it starts both anew.

    `helper` is the number of that process.
    """
    ended = os.pidfd_open(helper)

    def watch() -> None:
        select.select([ended], [], [])
        stop_this_process(name, is_stopping=is_stopping)

    threading.Thread(target=watch, name=f"{name}-watch", daemon=True).start()


def stop_this_process(helper: str, *, is_stopping: Callable[[], bool]) -> None:
    """Stop, since the helper of that name is gone; in good order, as on SIGTERM."""
    if not is_stopping():
        logger.error("%s ended unexpectedly: stopping this process", helper)
        os.kill(os.getpid(), signal.SIGTERM)
