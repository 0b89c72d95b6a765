"""The worker's second thread: nothing may end it but its process, else later steps would lose their leases."""

from __future__ import annotations

import math

import pytest
from django.db import InterfaceError, OperationalError

from pulser.kernel.heartbeat import Heartbeat, WatchedCall
from pulser.kernel.output import Output
from runs.execution import reporter as module
from runs.execution.pool_process import PoolProcess
from runs.transitions.claim import Claim
from tests.factories import start
from tests.runs.execution.plans import plan, shell
from tests.runs.execution.reporters import reporter_of
from tests.runs.helpers import claimed, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


class StumblingRenewal:
    """A renewal that the database does not take the first time."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    def __call__(self, _claim: Claim, *, lease_s: float) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise self.error
        return True


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OperationalError("server closed the connection"), id="the database went away"),
        pytest.param(InterfaceError("the connection is closed"), id="the connection was closed before"),
        pytest.param(RuntimeError("a fault of ours"), id="anything else"),
    ],
)
def test_a_heartbeat_that_stumbles_goes_on(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    renew = StumblingRenewal(error)
    monkeypatch.setattr(module, "renew_lease", renew)
    reporter = reporter_of(claimed(start(plan(shell("a", "true")))))
    call = WatchedCall(
        name="the step",
        reporter=reporter,
        output=Output(reporter),
        lease_s=0.0,
        hard_deadline=math.inf,
        blocks=False,
        end_process=lambda _reason: None,
    )
    heartbeat = Heartbeat(PoolProcess())
    heartbeat.watch(call)
    try:
        wait_until(lambda: renew.asked >= 2)
    finally:
        heartbeat.release()

    assert call.stop_reason is None
