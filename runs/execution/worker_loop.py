"""A worker's loop: take what there is, perform it, go straight on, until nothing is left."""

from __future__ import annotations

import logging
import os

from runs.execution.execute_claim import execute_claim
from runs.execution.shutdown import is_stopping
from runs.execution.worker_identity import claimant, main_pid
from runs.transitions.claim import Claim, claim_any

logger = logging.getLogger(__name__)


def is_orphan() -> bool:
    """The process that forked this one is gone: it would work on without a supervisor."""
    return main_pid() not in (os.getpid(), os.getppid())


def may_claim_next() -> bool:
    return not is_stopping() and not is_orphan()


def run_worker_loop() -> int:
    """Do all that there is to do. Returns the number of steps performed."""
    performed = 0
    claim = claim_any(claimant()) if may_claim_next() else None
    while claim is not None:
        claim = _next_claim(claim)
        performed += 1
    if is_orphan():
        logger.warning("the worker's main process is gone: stopping this pool process")
        os._exit(0)
    return performed


def _next_claim(claim: Claim) -> Claim | None:
    finished = execute_claim(claim, go_on=may_claim_next)
    if finished.next is not None or not finished.others_wait or not may_claim_next():
        return finished.next
    return claim_any(claimant())
