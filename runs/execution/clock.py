"""Beat and the control process live and die together: each is of no use alone, and would not be missed by anybody."""

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


def die_with_parent(parent: int) -> None:
    """Called in beat's process: an orphan would go on sending for ever beside its successor."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def end_without(beat: int, *, is_stopping: Callable[[], bool]) -> None:
    """Called in the control process: stop it when beat has ended, so that whoever supervises it starts both anew.

    `beat` is the number of its process. Without this a control room would look alive and never sweep again.
    """
    ended = os.pidfd_open(beat)  # billiard's own sentinel is of no use: beat closes it when it begins

    def watch() -> None:
        select.select([ended], [], [])
        if not is_stopping():
            logger.error("beat has ended by itself: the control process stops")
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="beat-watch", daemon=True).start()
