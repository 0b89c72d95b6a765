"""A worker's loop: take what there is, perform it, go straight on, until nothing is left."""

from __future__ import annotations

import logging
import os

from runs.execution.identity import claimant, main_pid
from runs.execution.perform import perform
from runs.execution.stopping import is_stopping
from runs.transitions.claim import Claim, claim_any

logger = logging.getLogger(__name__)


def is_orphan() -> bool:
    """The process that forked this one is gone: it would work on without a supervisor."""
    return main_pid() not in (os.getpid(), os.getppid())


def may_go_on() -> bool:
    return not is_stopping() and not is_orphan()


def work() -> int:
    """Do all that there is to do. Returns the number of steps performed."""
    performed = 0
    claim = claim_any(claimant()) if may_go_on() else None
    while claim is not None:
        claim = _next(claim)
        performed += 1
    if is_orphan():
        logger.warning("the worker's main process is gone: this pool process ends")
        os._exit(0)
    return performed


def _next(claim: Claim) -> Claim | None:
    finished = perform(claim, go_on=may_go_on)
    if finished.next is not None or not finished.others_wait or not may_go_on():
        return finished.next
    return claim_any(claimant())
