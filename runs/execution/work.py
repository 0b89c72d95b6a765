"""A worker's loop: take what there is, perform it, go straight on, until nothing is left."""

from __future__ import annotations

import logging
import mmap
import os

from runs.execution.identity import holder, main_pid
from runs.execution.perform import perform
from runs.transitions.claiming import Claim, take, take_any

logger = logging.getLogger(__name__)

# One byte that the pool's processes share with the process that forked them: set when the worker is told to stop.
_stopping = mmap.mmap(-1, 1)


def stop() -> None:
    """Take nothing new; what is at hand is finished."""
    _stopping[0] = 1


def is_stopping() -> bool:
    return bool(_stopping[0])


def is_orphan() -> bool:
    """The process that forked this one is gone: it would work on without a supervisor."""
    return main_pid() not in (os.getpid(), os.getppid())


def may_go_on() -> bool:
    return not is_stopping() and not is_orphan()


def work_on(run_id: str) -> int:
    """Answer a message: look at the run, and do what can be done. Returns the number of steps performed."""
    performed = 0
    claim = take(run_id, holder()) if may_go_on() else None
    while claim is not None:
        claim = _next(claim)
        performed += 1
    if is_orphan():
        logger.warning("the worker's main process is gone: this pool process ends")
        os._exit(0)
    return performed


def _next(claim: Claim) -> Claim | None:
    finished = perform(claim, go_on=may_go_on)
    if finished.next is not None or not may_go_on():
        return finished.next
    return take_any(holder())
