"""What the kernel meets only where a server is slow, stays away, or has lost something."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from pulser.engine.outcomes import Failed, Success
from pulser.kernel.execution import execute, report_error
from pulser.kernel.reporter import Disconnected
from pulser.language.catalogue import Effect, ErrorClass
from pulser.language.document import ArtifactSpec
from pulser.language.limits import LOG_CHUNK_BYTES
from pulser.tools.base import PermanentError
from tests.pulser.kernel.contract import HEARTBEAT, HOST
from tests.pulser.kernel.memory import RETRIES, MemoryBackend, MemoryReporter
from tests.pulser.kernel.processes import left_over

RECREATED = b"The workspace of this run had been cleaned"


@pytest.fixture(autouse=True)
def _reset_host() -> None:
    HOST.reset()


@pytest.fixture
def backend(tmp_path: Path) -> MemoryBackend:
    return MemoryBackend(tmp_path)


def perform(backend: MemoryBackend, script: str, **fields: Any) -> MemoryReporter:
    assignment, reporter = backend.assign("shell", {"run": script}, **fields)
    execute(assignment, reporter=reporter, heartbeat=HEARTBEAT)
    return reporter


def test_a_server_that_stays_away_ends_the_attempt_unreported(backend: MemoryBackend) -> None:
    backend.reporter.away = 1000

    with pytest.raises(Disconnected):
        perform(backend, "true")

    assert backend.reporter.outcome is None


def test_each_call_that_must_not_be_lost_is_made_again(backend: MemoryBackend) -> None:
    backend.reporter.away = RETRIES

    assert isinstance(perform(backend, "echo hello").outcome, Success)


def test_a_workspace_that_lost_its_files_is_mentioned_in_the_log(backend: MemoryBackend) -> None:
    backend.reporter.has_worked = True

    assert perform(backend, "true").log.startswith(RECREATED)


def test_a_workspace_that_is_new_is_not_worth_a_word(backend: MemoryBackend) -> None:
    assert perform(backend, "true").log == b""


def test_a_workspace_that_is_there_is_not_asked_about(backend: MemoryBackend, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    backend.reporter.has_worked = True

    assert perform(backend, "true").log == b""


def test_what_an_earlier_attempt_left_is_killed_before_the_call(backend: MemoryBackend) -> None:
    with left_over("run-1/step") as process:
        reporter = perform(backend, "true", leftover_groups=(process.pid,))

        assert process.wait(60) == -signal.SIGKILL
    assert isinstance(reporter.outcome, Success)


def test_a_slow_server_slows_the_tool_down_and_loses_nothing(backend: MemoryBackend) -> None:
    backend.reporter.store_delay_s = 0.01
    size = 10 * LOG_CHUNK_BYTES

    reporter = perform(backend, f"head -c {size} /dev/zero | tr '\\0' x")

    assert reporter.log == b"x" * size
    assert reporter.report.log_bytes == size


def test_an_irreversible_call_waits_for_a_fresh_answer_about_its_lease(backend: MemoryBackend) -> None:
    backend.reporter.renew_delays = [0.3]

    reporter = perform(backend, "true", effect=Effect.IRREVERSIBLE, lease_s=0.5)

    assert isinstance(reporter.outcome, Success)
    assert reporter.renew_delays == []
    assert reporter.renewals >= 2


def test_an_attempt_that_could_not_be_assigned_is_a_failure_with_its_reason(backend: MemoryBackend) -> None:
    error = PermanentError("the arguments cannot be rendered: no such key")

    assert report_error(error, reporter=backend.reporter, name="run 1: step a")

    assert backend.reporter.outcome == Failed(ErrorClass.PERMANENT, error.message)
    assert backend.reporter.log == b""


def test_a_fault_while_assigning_leaves_its_traceback_in_the_log(backend: MemoryBackend) -> None:
    try:
        raise KeyError("a")
    except KeyError as error:
        report_error(error, reporter=backend.reporter, name="run 1: step a")

    assert backend.reporter.outcome == Failed(ErrorClass.FAILED, "KeyError: 'a'")
    assert backend.reporter.log.startswith(b"Traceback")
    assert backend.reporter.report.log_bytes == len(backend.reporter.log)


def test_an_artifact_that_the_storage_does_not_take_ends_the_attempt_and_not_the_worker(
    backend: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(backend.reporter, "store_artifact", full)

    reporter = perform(backend, "touch a; exit 1", artifacts=(ArtifactSpec(path="a"),))

    assert reporter.outcome == Failed(ErrorClass.FAILED, "exit code 1")
