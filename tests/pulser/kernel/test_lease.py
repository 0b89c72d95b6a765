"""Before a call that cannot be undone, the claim must be ours, and the answer young."""

from __future__ import annotations

import pytest

from pulser.kernel.lease import check_lease
from pulser.tools.base import Cancelled
from tests.pulser.kernel.memory import MemoryReporter


def test_a_young_answer_is_enough() -> None:
    reporter = MemoryReporter()

    check_lease(reporter, lease_s=30.0)

    assert reporter.renewals == 1


def test_an_answer_that_took_half_a_lease_is_asked_for_again() -> None:
    """It is true and worth nothing: the lease may have run out since it was given."""
    reporter, times = MemoryReporter(), [0.0, 15.0, 100.0, 100.1]

    check_lease(reporter, lease_s=30.0, clock=lambda: times.pop(0))

    assert (reporter.renewals, times) == (2, [])


def test_a_lost_lease_stops_the_step() -> None:
    reporter = MemoryReporter()
    reporter.is_lost = True

    with pytest.raises(Cancelled):
        check_lease(reporter, lease_s=30.0)


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    reporter = MemoryReporter()
    reporter.away = 2

    check_lease(reporter, lease_s=30.0)

    assert (reporter.away, reporter.renewals) == (0, 1)
