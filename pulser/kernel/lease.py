"""The last question before a call that cannot be undone: is the claim still ours?

The fence refuses what a worker says too late; it cannot take back what the worker did. A claim may reach its worker
late (a network that held the answer back, a process that was stopped), when the lease has run out and a person has let
another worker do it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pulser.kernel.reporter import Reporter
from pulser.tools.base import Cancelled


def check_lease(reporter: Reporter, *, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
    """Renew the lease just before the call. Raises Cancelled when it was lost: then nothing may be done.

    An answer that took longer than half the lease says nothing about now, and is asked for again. `clock`: seconds
    that only count.
    """
    while True:
        asked_at = clock()
        if not reporter.retry_on_disconnect(reporter.renew_lease):
            raise Cancelled("the lease was lost before the call")
        if clock() - asked_at < lease_s / 2:
            return
