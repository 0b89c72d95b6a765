"""The worker's second thread: nothing may end it but its process, else later steps would lose their leases."""

from __future__ import annotations

import math
import threading
from typing import cast

import pytest
from django.db import InterfaceError, OperationalError

from runs.execution.output import Output
from runs.execution.pulse import Beat, Pulse
from tests.factories import start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import claimed, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


class Stumbling:
    """An output that cannot be stored the first time."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1
        if self.flushed == 1:
            raise self.error


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OperationalError("server closed the connection"), id="the database went away"),
        pytest.param(InterfaceError("the connection is closed"), id="the connection was closed before"),
        pytest.param(RuntimeError("a fault of ours"), id="anything else"),
    ],
)
def test_a_pulse_that_stumbles_goes_on(error: Exception) -> None:
    output = Stumbling(error)
    beat = Beat(
        claim=claimed(start(plan(shell("a", "true")))),
        output=cast(Output, output),
        cancelled=threading.Event(),
        hard_deadline=math.inf,
        end_process=lambda _why: None,
        blocks=False,
    )
    pulse = Pulse()
    pulse.watch(beat)
    try:
        wait_until(lambda: output.flushed >= 2)
    finally:
        pulse.release()
