"""A process of the pool that has worked, and has nothing more to do, gives its place to a fresh one.

Whoever works writes into memory that it shared with the worker's main process, some 15 MB of it, and opens a
connection. The pool forks a fresh process within milliseconds, and that one shares everything again.
"""

from __future__ import annotations

import os
import threading

from billiard.pool import EX_RECYCLE

from runs.execution.shutdown import is_stopping
from runs.execution.worker_identity import main_pid

at_work = threading.RLock()
"""Held during each task of the step queue."""


def recycle_process() -> None:
    """End this process of a pool, unless it is at work. Elsewhere nothing happens. Called in its second thread.

    A message that reaches it at this very moment is lost with it, which costs time only, as with every lost message.
    """
    if main_pid() == os.getppid() and not is_stopping() and at_work.acquire(blocking=False):
        os._exit(EX_RECYCLE)  # what the pool takes for an end in good order
