"""What an earlier attempt left running is ended, and nothing else."""

from __future__ import annotations

import signal

from pulser.kernel.leftovers import end_leftovers
from tests.pulser.kernel.processes import left_over


def test_the_group_of_an_earlier_attempt_is_killed() -> None:
    with left_over("this-run/a") as process:
        assert end_leftovers(process.pid, idempotency_key="this-run/a")
        assert process.wait(60) == -signal.SIGKILL


def test_a_strangers_process_group_is_left_alone() -> None:
    with left_over("another-run/a") as process:
        assert not end_leftovers(process.pid, idempotency_key="this-run/a")
        assert process.poll() is None


def test_a_process_group_that_is_gone_is_no_trouble() -> None:
    with left_over("k") as process:
        gone = process.pid

    assert not end_leftovers(gone, idempotency_key="k")
