"""What a worker can suffer, and who sees it: its watchdog, on real processes."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db.models.expressions import RawSQL
from django.test import Client
from kombu.exceptions import OperationalError

from chaos.proxy import Loop, Mode, Proxy
from runs import hints
from runs.execution import shutdown
from runs.execution.watchdog import Watchdog
from runs.execution.worker_identity import claimant
from runs.execution.worker_registry import register_worker
from runs.execution.workspace import workspace_of
from runs.models import Run, Worker
from tests.factories import start
from tests.pulser.tools import functions
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.execution.processes import Crew, Process, crew, has_ended
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    kinds,
    status_of,
    step_of,
    wait_until,
    waits_for_a_person,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PATIENCE_S = 180.0  # for processes to come up and for what they do, on a machine that has other things to do
LEASE_S = 30.0
FUNCTIONS = functions.__name__
STAYS_ONCE = "test -e begun && exit 0; touch begun; sleep 300"


@pytest.fixture
def hired(tmp_path: Path) -> Iterator[Crew]:
    hints.redis_client().flushall()
    with crew(tmp_path) as hired:
        yield hired


def _ready(worker: Process) -> Process:
    wait_until(lambda: Worker.objects.filter(name=worker.name).exclude(answered_at=None), within_s=PATIENCE_S)
    return worker


def _begun(run: Run) -> None:
    wait_until((workspace_of(str(run.pk)) / "begun").exists, within_s=PATIENCE_S)


def _wait_for(run: Run, status: str = "success") -> None:
    wait_until(lambda: status_of(run) == status, within_s=PATIENCE_S)


KILLERS = {
    "its shell kills it": shell("a", "kill -9 $PPID; sleep 60"),
    "its function ends it": {"id": "a", "uses": "python", "with": {"function": f"{FUNCTIONS}:vanish"}},
}


@pytest.mark.parametrize("step", KILLERS.values(), ids=KILLERS)
def test_a_step_that_kills_its_worker_stops_after_three_attempts_and_waits_for_a_person(
    hired: Crew, step: dict[str, object]
) -> None:
    worker, _ = hired.worker(CONTROLROOM_PYTHON_FUNCTIONS=f"{FUNCTIONS}:*"), hired.control()
    _ready(worker)
    run = start(plan(step))

    wait_until(lambda: waits_for_a_person(run) if status_of(run) else False, within_s=PATIENCE_S)

    attempts = attempts_of(run, "a")
    assert [attempt.outcome for attempt in attempts] == ["lost"] * 3
    assert kinds(run, step="a")[-3:] == ["step.lost", "step.parked", "approval.requested"]
    assert step_of(run, "a").reason == "3 workers were lost during this step"
    assert all((attempt.finished_at - attempt.started_at).total_seconds() < LEASE_S for attempt in attempts)
    assert_log_folds_to_rows(run)
    assert "Traceback" not in hired.log.read_text()


def test_the_step_of_a_killed_worker_is_somebody_elses_before_its_lease_has_run_out(hired: Crew) -> None:
    killed, _ = hired.worker(), hired.control()
    _ready(killed)
    run = start(plan(shell("a", STAYS_ONCE)))
    _begun(run)

    killed.send(signal.SIGKILL)
    hired.worker()

    _wait_for(run)
    lost, again = attempts_of(run, "a")
    assert (lost.outcome, again.cause) == ("lost", "lost")
    assert (lost.finished_at - lost.started_at).total_seconds() < LEASE_S
    assert not killed.is_registered()
    assert_log_folds_to_rows(run)


def test_a_stopped_worker_hands_its_step_back_and_the_try_does_not_count(hired: Crew) -> None:
    worker, _ = hired.worker(CONTROLROOM_HAND_BACK_AFTER="0"), hired.control()
    _ready(worker)
    run = start(plan(shell("a", STAYS_ONCE, retry=ONCE)))
    _begun(run)

    os.kill(worker.popen.pid, signal.SIGTERM)
    wait_until(lambda: worker.popen.poll() is not None, within_s=PATIENCE_S)
    hired.worker()

    _wait_for(run)
    given, again = attempts_of(run, "a")
    assert (given.outcome, given.error_class, again.cause, again.outcome) == (
        "handed_back", "", "handed_back", "success",
    )  # fmt: skip
    assert (given.finished_at - given.started_at).total_seconds() < LEASE_S
    assert step_of(run, "a").lost == 0
    assert_log_folds_to_rows(run)


def test_a_function_in_mid_work_is_handed_back_with_its_process(hired: Crew) -> None:
    worker = _ready(hired.worker(CONTROLROOM_HAND_BACK_AFTER="0", CONTROLROOM_PYTHON_FUNCTIONS=f"{FUNCTIONS}:*"))
    run = start(plan({"id": "a", "uses": "python", "with": {"function": f"{FUNCTIONS}:sleep"}}))
    wait_until(lambda: attempts_of(run, "a"), within_s=PATIENCE_S)

    os.kill(worker.popen.pid, signal.SIGTERM)

    wait_until(lambda: kinds(run, step="a")[-1] == "step.handed_back", within_s=PATIENCE_S)
    wait_until(lambda: worker.popen.poll() is not None, within_s=PATIENCE_S)


def test_an_irreversible_step_that_was_handed_back_waits_for_a_person(hired: Crew) -> None:
    worker = _ready(hired.worker(CONTROLROOM_HAND_BACK_AFTER="0"))
    run = start(plan(shell("a", STAYS_ONCE, effect="irreversible")))
    _begun(run)

    os.kill(worker.popen.pid, signal.SIGTERM)

    wait_until(lambda: waits_for_a_person(run) if status_of(run) else False, within_s=PATIENCE_S)
    assert [attempt.outcome for attempt in attempts_of(run, "a")] == ["handed_back"]
    assert_log_folds_to_rows(run)


def test_a_worker_that_is_killed_while_it_stops_hands_its_step_back_too(hired: Crew) -> None:
    worker = _ready(hired.worker(CONTROLROOM_HAND_BACK_AFTER="0"))
    run = start(plan(shell("a", "trap 'touch told' TERM; touch begun; while true; do sleep 0.1; done")))
    _begun(run)

    os.kill(worker.popen.pid, signal.SIGTERM)
    wait_until((workspace_of(str(run.pk)) / "told").exists, within_s=PATIENCE_S)  # so the worker knows that it stops
    worker.send(signal.SIGKILL)

    wait_until(lambda: kinds(run, step="a")[-1] == "step.handed_back", within_s=PATIENCE_S)


def test_a_worker_without_its_watchdog_ends_so_that_both_are_started_anew(hired: Crew) -> None:
    worker = _ready(hired.worker())
    (watchdog,) = worker.watchdogs

    os.kill(watchdog, signal.SIGKILL)

    wait_until(lambda: worker.popen.poll() is not None, within_s=PATIENCE_S)


def test_the_watchdog_does_not_outlive_its_worker(hired: Crew) -> None:
    worker = _ready(hired.worker())
    (watchdog,) = worker.watchdogs

    os.kill(worker.popen.pid, signal.SIGKILL)

    wait_until(lambda: has_ended(watchdog), within_s=PATIENCE_S)
    assert not worker.is_registered()


def _is_named(worker: Process) -> bool:
    check = Client().get("/readyz").json()["checks"]["workers"]
    return not check["ok"] and f"{worker.name} has a free slot" in check["detail"]


def test_workers_that_take_nothing_are_named_and_ended_although_another_takes_all(hired: Crew) -> None:
    *deaf, other = everybody = [hired.worker(slots=2) for _ in range(4)]
    hired.control()
    for worker in everybody:
        _ready(worker)
    headless, stopped, idle = deaf

    os.kill(headless.popen.pid, signal.SIGSTOP)
    stopped.send(signal.SIGSTOP)
    for child in idle.children:
        os.kill(child, signal.SIGSTOP)

    wait_until(lambda: all(map(_is_named, deaf)), within_s=PATIENCE_S)
    for worker in deaf:
        _assert_it_is_ended(worker, hired)
    assert other.popen.poll() is None
    assert other.is_registered()


def test_a_worker_whose_consumer_hears_nothing_is_named_and_ended(hired: Crew, line: Proxy) -> None:
    deaf, _ = hired.worker(CONTROLROOM_BROKER_URL=f"redis://127.0.0.1:{line.port}/0"), hired.control()
    _ready(deaf)

    line.set(Mode.DEAF)

    wait_until(lambda: _is_named(deaf), within_s=PATIENCE_S)
    _assert_it_is_ended(deaf, hired)


def _assert_it_is_ended(deaf: Process, hired: Crew) -> None:
    wait_until(lambda: deaf.popen.poll() is not None, within_s=PATIENCE_S)
    wait_until(lambda: not deaf.is_registered(), within_s=PATIENCE_S)
    assert f"worker {deaf.name} has a free slot but took no message" in hired.log.read_text()


def test_a_line_to_the_broker_that_was_dead_for_a_while_brings_messages_again(hired: Crew, line: Proxy) -> None:
    worker, _ = hired.worker(CONTROLROOM_BROKER_URL=f"redis://127.0.0.1:{line.port}/0"), hired.control()
    _ready(worker)
    line.set(Mode.BLACK_HOLE)
    run = start(plan(shell("a", "true")))
    wait_until(lambda: _is_named(worker), within_s=PATIENCE_S)
    assert worker.popen.poll() is None, "to start it anew would not mend the line"

    line.set(Mode.PASS)

    _wait_for(run)


@pytest.fixture
def line() -> Iterator[Proxy]:
    """The way to the broker."""
    loop = Loop()
    socket = urlsplit(os.environ["REDIS_URL"])
    assert socket.scheme == "unix"
    line = Proxy(Path(socket.path), loop=loop)
    yield line
    line.set(Mode.CUT)
    loop.stop()


@pytest.fixture
def stand_in() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands in for a worker's main process, registered long ago and never answering."""
    register_worker(slots=1)
    Worker.objects.update(started_at=RawSQL("clock_timestamp() - interval '2 minutes'", []))
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_worker_is_not_ended_for_a_broker_that_takes_no_probes(stand_in: subprocess.Popen[bytes]) -> None:
    def ask() -> None:
        raise OperationalError("the broker is away")

    watchdog = Watchdog(stand_in.pid, ask=ask)
    for _ in range(9):
        watchdog.look()

    assert stand_in.poll() is None


@pytest.fixture
def goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """That this worker was told to stop is forgotten after the test."""
    monkeypatch.setattr(shutdown, "_since", mmap.mmap(-1, 8))


@pytest.mark.usefixtures("goes_on")
def test_a_worker_is_ended_when_nothing_that_was_sent_comes_out(stand_in: subprocess.Popen[bytes]) -> None:
    asked: list[int] = []
    watchdog = Watchdog(stand_in.pid, ask=lambda: asked.append(1))
    for _ in range(4):
        assert stand_in.poll() is None
        watchdog.look()
    assert stand_in.wait(PATIENCE_S) == -signal.SIGTERM


def test_a_worker_whose_slots_are_all_busy_is_not_suspected(stand_in: subprocess.Popen[bytes]) -> None:
    claimed(start(plan(shell("a", "true"))), claimant())
    asked: list[int] = []

    Watchdog(stand_in.pid, ask=lambda: asked.append(1)).look()

    assert asked == []


@pytest.mark.usefixtures("goes_on")
def test_a_process_that_ends_after_its_worker_hands_its_step_back_too() -> None:
    """Both were killed, and the watchdog had not seen it before: a worker starts processes at any time."""
    run = start(plan(shell("a", "true")))
    shutdown.request_shutdown()
    with subprocess.Popen(["sleep", "0.2"]) as main, subprocess.Popen(["sleep", "1"]) as late:
        claimed(run, replace(claimant(), process=late.pid))

        Watchdog(main.pid, ask=lambda: None).run()

    assert kinds(run, step="a")[-1] == "step.handed_back"
