"""The last question before a call that cannot be undone: is the claim still ours?

The fence refuses what a worker says too late; it cannot take back what the worker did. A claim may reach its worker
late (a network that held the answer back, a process that was stopped), when the lease has run out and a person has let
another worker do it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pulser.tools.base import Cancelled
from runs.execution.insist import insist
from runs.transitions.claiming import LEASE_S, Claim
from runs.transitions.finishing import renew

FRESH_S = LEASE_S / 2  # an older answer says nothing about now


def make_sure(claim: Claim, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Renew the lease just before the call. Raises Cancelled when it was lost: then nothing may be done.

    `clock`: seconds that only count.
    """
    while True:
        asked = clock()
        if not insist(lambda: renew(claim, lease_s=LEASE_S)):
            raise Cancelled("the claim was lost before the call")
        if clock() - asked < FRESH_S:
            return
