"""The second thread: it renews, looks, and rests; nothing may end it but its process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pulser.kernel.heartbeat import Heartbeat, WatchedCall
from pulser.kernel.output import Output
from pulser.kernel.reporter import Disconnected, StopReason
from tests.pulser.kernel.memory import MemoryReporter
from tests.pulser.kernel.waiting import wait_until


class Host:
    def __init__(self) -> None:
        self.is_stopping = False
        self.rested: list[float] = []

    def must_hand_back(self) -> bool:
        return self.is_stopping

    def rest(self, idle_s: float) -> None:
        self.rested.append(idle_s)

    def end(self) -> None:
        raise AssertionError("only the step's execution ends the process")


class Endings:
    """`end_process` of a call: it notes why, and raises what it is given first."""

    def __init__(self, *errors: Exception) -> None:
        self.reasons: list[StopReason] = []
        self._errors = list(errors)

    def __call__(self, reason: StopReason) -> None:
        self.reasons.append(reason)
        if self._errors:
            raise self._errors.pop(0)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def heartbeat(host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heartbeat]:
    monkeypatch.setattr("pulser.kernel.heartbeat.LOOK_INTERVAL", 0.0)
    monkeypatch.setattr("pulser.kernel.heartbeat.FLUSH_INTERVAL", 0.01)
    heartbeat = Heartbeat(host)
    yield heartbeat
    heartbeat.release()


def make_call(reporter: MemoryReporter, **fields: Any) -> WatchedCall:
    defaults: dict[str, Any] = {"lease_s": 30.0, "hard_deadline": float("inf"), "blocks": False}
    call = {"name": "the step", "reporter": reporter, "output": Output(reporter), "end_process": Endings()}
    return WatchedCall(**call | defaults | fields)


def test_the_lease_is_renewed_three_times_in_its_length(heartbeat: Heartbeat) -> None:
    reporter = MemoryReporter()
    heartbeat.watch(make_call(reporter, lease_s=0.3))
    wait_until(lambda: reporter.renewals >= 2)

    other = MemoryReporter()
    heartbeat.watch(make_call(other, lease_s=3000.0))
    wait_until(lambda: other.looks >= 3)
    assert other.renewals == 0


def test_a_renewal_that_is_refused_stops_the_call(heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = MemoryReporter()
    monkeypatch.setattr(reporter, "stop_reason", lambda: None)
    reporter.is_lost = True
    call = make_call(reporter, lease_s=0.0)

    heartbeat.watch(call)

    assert call.cancelled.wait(60)
    assert call.stop_reason == StopReason.LOST


def test_the_first_reason_to_stop_counts(heartbeat: Heartbeat, host: Host) -> None:
    reporter = MemoryReporter()
    reporter.is_cancelled = True
    call = make_call(reporter)
    heartbeat.watch(call)
    assert call.cancelled.wait(60)

    host.is_stopping = True
    reporter.is_lost = True
    looks = reporter.looks
    wait_until(lambda: reporter.looks >= looks + 2)

    assert call.stop_reason == StopReason.CANCELLED


def test_the_end_of_the_process_is_asked_for_again_when_it_could_not_be_reported(heartbeat: Heartbeat) -> None:
    endings = Endings(Disconnected("away"))
    heartbeat.watch(make_call(MemoryReporter(), blocks=True, hard_deadline=0.0, end_process=endings))

    wait_until(lambda: len(endings.reasons) >= 2)

    assert set(endings.reasons) == {StopReason.TIMEOUT}


@pytest.mark.parametrize(
    "error",
    [pytest.param(Disconnected("away"), id="no server"), pytest.param(RuntimeError("a fault"), id="anything else")],
)
def test_a_heartbeat_that_stumbles_goes_on(
    heartbeat: Heartbeat, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter, errors = MemoryReporter(), [error]
    renewed = threading.Event()

    def renew() -> bool:
        if errors:
            raise errors.pop()
        renewed.set()
        return True

    monkeypatch.setattr(reporter, "renew_lease", renew)
    heartbeat.watch(make_call(reporter, lease_s=0.0))

    assert renewed.wait(60)


def test_a_call_that_was_released_is_left_alone(heartbeat: Heartbeat) -> None:
    reporter = MemoryReporter()
    heartbeat.watch(make_call(reporter, lease_s=0.0))
    wait_until(lambda: reporter.renewals)
    heartbeat.release()
    renewals = reporter.renewals

    other = MemoryReporter()
    heartbeat.watch(make_call(other, lease_s=0.0))
    wait_until(lambda: other.renewals >= 3)

    assert reporter.renewals == renewals


def test_without_a_call_the_process_rests_until_there_is_one(
    heartbeat: Heartbeat, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulser.kernel.heartbeat.REST_INTERVAL", 0.05)
    heartbeat.watch(make_call(MemoryReporter()))
    heartbeat.release()
    wait_until(lambda: len(host.rested) >= 3)
    assert host.rested[:3] == pytest.approx([0.05, 0.1, 0.15])

    reporter = MemoryReporter()
    heartbeat.watch(make_call(reporter, lease_s=0.0))
    wait_until(lambda: reporter.renewals)


def test_a_forked_child_has_a_heartbeat_of_its_own(
    heartbeat: Heartbeat, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulser.kernel.heartbeat.REST_INTERVAL", 0.5)
    heartbeat.watch(make_call(MemoryReporter()))
    heartbeat.release()
    wait_until(lambda: host.rested)  # the thread holds no lock
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        reporter = MemoryReporter()
        heartbeat.watch(make_call(reporter, lease_s=0.0))
        try:
            wait_until(lambda: reporter.renewals)
        except BaseException:
            os._exit(1)
        os._exit(0)

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
