"""What the kernel does with an assignment, whoever it reports to: one suite that all reporters pass.

A reporter joins by a subclass of `KernelContract` that provides a `backend`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from pulser.kernel import execution
from pulser.kernel.assignment import Assignment, VerifyEntry
from pulser.kernel.execution import execute
from pulser.kernel.heartbeat import Heartbeat
from pulser.kernel.reporter import Reporter
from pulser.language.catalogue import Effect
from pulser.language.document import ArtifactSpec
from pulser.tools import python
from tests.pulser.kernel import functions
from tests.pulser.kernel.waiting import WAIT_S, wait_until

FUNCTIONS = functions.__name__
LONG = {"run": "touch begun; sleep 60"}
HOLD = {"function": f"{FUNCTIONS}:hold"}


@dataclass(frozen=True, slots=True)
class Result:
    """How the server sees the attempt. `outcome` is empty as long as the worker's own end of it is not accepted."""

    outcome: str  # success, failure, suspended, stopped, handed_back
    outputs: Mapping[str, Any] | None
    error_class: str
    message: str
    exit_code: int | None
    verdicts: list[tuple[str, bool, bool]]  # verifier, passed, required
    files: dict[str, bytes]
    log: bytes
    log_bytes: int
    log_cut: bool
    progress: tuple[int, int] | None
    process_group: int | None
    wait: tuple[str, str, str, str] | None  # kind, role, on_timeout, message


class Backend(Protocol):
    """The server's side of one attempt."""

    def assign(self, tool: str, arguments: dict[str, Any], **fields: Any) -> tuple[Assignment, Reporter]:
        """An attempt in this worker's hands; `fields` are those of the assignment. It is tried once."""
        ...

    def cancel(self) -> None:
        """Somebody cancels the run."""
        ...

    def lose(self) -> None:
        """The lease ran out, and the step was taken away."""
        ...

    def disconnect(self) -> None:
        """All connections break; new ones can be had."""
        ...

    def leave_thread(self) -> None:
        """A thread that used the reporter ends."""
        ...

    def result(self) -> Result: ...


class Host:
    """A process that never ends: it releases the call that blocks instead."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.has_ended = threading.Event()

    def must_hand_back(self) -> bool:
        return self.is_stopping

    def rest(self, idle_s: float) -> None:
        pass

    def end(self) -> None:
        self.has_ended.set()
        functions.RELEASED.set()

    def reset(self) -> None:
        self.is_stopping = False
        for event in (self.has_ended, functions.BEGUN, functions.RELEASED):
            event.clear()


HOST = Host()
HEARTBEAT = Heartbeat(HOST)  # one thread for all tests, as in a process of a pool


@contextmanager
def running(backend: Backend, assignment: Assignment, reporter: Reporter) -> Iterator[list[bool]]:
    """Another thread performs the step: inside, its call has begun. Afterwards the list holds what `execute` said."""
    accepted: list[bool] = []

    def perform() -> None:
        try:
            accepted.append(execute(assignment, reporter=reporter, heartbeat=HEARTBEAT))
        finally:
            backend.leave_thread()

    thread = threading.Thread(target=perform)
    thread.start()
    wait_until(lambda: functions.BEGUN.is_set() or (assignment.workdir / "begun").exists())
    yield accepted
    thread.join(WAIT_S)
    assert not thread.is_alive()


class KernelContract:
    """Inherit, and provide the fixture `backend`."""

    @pytest.fixture(autouse=True)
    def _surroundings(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr("pulser.kernel.heartbeat.LOOK_INTERVAL", 0.0)
        monkeypatch.setattr(python, "_listed", (f"{FUNCTIONS}:*",))
        HOST.reset()
        yield
        functions.RELEASED.set()

    def perform(self, backend: Backend, tool: str, arguments: dict[str, Any], **fields: Any) -> Result:
        """The attempt's result, which the server accepted."""
        assignment, reporter = backend.assign(tool, arguments, **fields)
        assert execute(assignment, reporter=reporter, heartbeat=HEARTBEAT)
        return backend.result()

    def shell(self, backend: Backend, script: str, **fields: Any) -> Result:
        return self.perform(backend, "shell", {"run": script}, **fields)

    def test_a_call_that_works_is_a_success_with_its_outputs(self, backend: Backend) -> None:
        script = 'echo hello; echo "n=5" >> "$PULSER_OUTPUT"'

        result = self.shell(backend, script, declared={"n": {"type": "integer"}})

        assert (result.outcome, result.exit_code) == ("success", 0)
        assert result.outputs == {"exit_code": 0, "stdout": "hello\n", "stderr": "", "n": 5}
        assert (result.log, result.log_bytes, result.log_cut) == (b"hello\n", 6, False)

    @pytest.mark.parametrize(
        ("tool", "arguments", "error_class", "exit_code"),
        [
            pytest.param("shell", {"run": "exit 3"}, "failed", 3, id="it says no"),
            pytest.param("shell", {"run": "/no/such/program"}, "permanent", 127, id="it cannot work"),
            pytest.param("shell", {"run": "sleep 60"}, "timeout", None, id="it takes too long"),
            pytest.param("python", {"function": f"{FUNCTIONS}:busy"}, "transient", None, id="not now"),
        ],
    )
    def test_a_failure_has_the_class_of_its_error(
        self, backend: Backend, tool: str, arguments: dict[str, Any], error_class: str, exit_code: int | None
    ) -> None:
        result = self.perform(backend, tool, arguments, timeout_s=0.5)

        assert (result.outcome, result.error_class, result.exit_code) == ("failure", error_class, exit_code)
        assert result.message

    def test_an_exit_code_that_a_verifier_judges_is_no_failure(self, backend: Backend) -> None:
        result = self.shell(backend, "exit 3", verify=(VerifyEntry("exit_code", 3),))

        assert (result.outcome, result.exit_code, result.outputs["exit_code"]) == ("success", 3, 3)
        assert result.verdicts == [("exit_code", True, True)]

    def test_a_verifier_that_says_no_fails_the_step(self, backend: Backend) -> None:
        entries = (VerifyEntry("exit_code", 0), VerifyEntry("regex", {"pattern": r"\d+ passed"}))

        result = self.shell(backend, "echo 0 tests", verify=entries)

        assert (result.outcome, result.error_class, result.exit_code) == ("failure", "failed", 0)
        assert result.message.startswith("regex: ")
        assert result.verdicts == [("exit_code", True, True), ("regex", False, True)]

    def test_a_verifier_that_is_not_required_only_warns(self, backend: Backend) -> None:
        entry = VerifyEntry("regex", {"pattern": "lovely"}, required=False)

        result = self.shell(backend, "echo fine", verify=(entry,))

        assert (result.outcome, result.verdicts) == ("success", [("regex", False, False)])

    def test_artifacts_are_stored_with_their_content(self, backend: Backend) -> None:
        specs = (ArtifactSpec(path="a.csv", kind="table"), ArtifactSpec(path="b", name="second"))

        result = self.shell(backend, "printf one,two > a.csv; printf three > b", artifacts=specs)

        assert (result.outcome, result.files) == ("success", {"a.csv": b"one,two", "second": b"three"})

    @pytest.mark.parametrize(
        ("script", "paths", "message"),
        [
            pytest.param("true", ["report.xml"], "report.xml was not written", id="missing"),
            pytest.param("ln -s /etc/passwd out", ["out"], "is outside the workspace", id="outside"),
            pytest.param("mkdir a b; touch a/x b/x", ["a/x", "b/x"], "two artifacts are named x", id="one name twice"),
        ],
    )
    def test_an_artifact_that_cannot_be_kept_fails_the_step(
        self, backend: Backend, script: str, paths: list[str], message: str
    ) -> None:
        result = self.shell(backend, script, artifacts=tuple(ArtifactSpec(path=path) for path in paths))

        assert result.outcome == "failure"
        assert message in result.message

    def test_a_failed_step_keeps_the_artifacts_that_are_there(self, backend: Backend) -> None:
        specs = (ArtifactSpec(path="missing"), ArtifactSpec(path="why"))

        result = self.shell(backend, "printf because > why; exit 1", artifacts=specs)

        assert (result.outcome, result.files) == ("failure", {"why": b"because"})

    def test_a_call_that_blocks_beyond_its_time_ends_with_its_process(self, backend: Backend) -> None:
        assignment, reporter = backend.assign("python", HOLD, timeout_s=0.3)

        accepted = execute(assignment, reporter=reporter, heartbeat=HEARTBEAT)

        result = backend.result()
        assert HOST.has_ended.is_set()
        assert (result.outcome, result.error_class) == ("failure", "timeout")
        assert result.message == "timed out after 0.3 s"
        assert not accepted  # a process that goes on all the same is refused

    @pytest.mark.parametrize(
        ("tool", "arguments", "ends_process"),
        [pytest.param("shell", LONG, False, id="a process"), pytest.param("python", HOLD, True, id="it blocks")],
    )
    def test_a_cancelled_run_stops_the_call(
        self, backend: Backend, tool: str, arguments: dict[str, Any], ends_process: bool
    ) -> None:
        assignment, reporter = backend.assign(tool, arguments)

        with running(backend, assignment, reporter):
            backend.cancel()

        assert backend.result().outcome == "stopped"
        assert HOST.has_ended.is_set() == ends_process

    @pytest.mark.parametrize(
        ("tool", "arguments", "ends_process"),
        [pytest.param("shell", LONG, False, id="a process"), pytest.param("python", HOLD, True, id="it blocks")],
    )
    def test_a_stopping_worker_hands_the_step_back(
        self, backend: Backend, tool: str, arguments: dict[str, Any], ends_process: bool
    ) -> None:
        assignment, reporter = backend.assign(tool, arguments)

        with running(backend, assignment, reporter):
            HOST.is_stopping = True

        assert backend.result().outcome == "handed_back"
        assert HOST.has_ended.is_set() == ends_process

    def test_a_worker_that_lost_its_lease_stops_and_is_refused(self, backend: Backend) -> None:
        assignment, reporter = backend.assign("shell", LONG)

        with running(backend, assignment, reporter) as accepted:
            backend.lose()

        assert accepted == [False]
        assert backend.result().outcome == ""

    def test_a_lost_lease_ends_the_process_of_a_call_that_blocks(self, backend: Backend) -> None:
        assignment, reporter = backend.assign("python", HOLD)

        with running(backend, assignment, reporter) as accepted:
            backend.lose()

        assert HOST.has_ended.is_set()
        assert accepted == [False]

    def test_an_irreversible_step_whose_lease_is_lost_makes_no_call(self, backend: Backend) -> None:
        assignment, reporter = backend.assign("shell", {"run": "touch sent"}, effect=Effect.IRREVERSIBLE)
        backend.lose()

        assert not execute(assignment, reporter=reporter, heartbeat=HEARTBEAT)

        assert not (assignment.workdir / "sent").exists()

    def test_an_irreversible_step_under_its_lease_is_called(self, backend: Backend) -> None:
        assert self.shell(backend, "echo sent", effect=Effect.IRREVERSIBLE).outputs["stdout"] == "sent\n"

    def test_an_approval_suspends_the_step(self, backend: Backend) -> None:
        asked = {"role": "operator", "message": "Go on?", "on_timeout": "reject"}

        result = self.perform(backend, "approval", asked)

        assert (result.outcome, result.wait) == ("suspended", ("approval", "operator", "reject", "Go on?"))

    def test_a_timer_suspends_the_step(self, backend: Backend) -> None:
        result = self.perform(backend, "wait", {"duration": "1h"})

        assert (result.outcome, result.wait) == ("suspended", ("timer", "", "succeed", ""))

    def test_the_last_progress_is_reported(self, backend: Backend) -> None:
        result = self.perform(backend, "python", {"function": f"{FUNCTIONS}:walk", "args": {"steps": 50}})

        assert (result.outcome, result.progress) == ("success", (50, 50))

    def test_output_past_the_limit_is_cut_and_the_log_says_so(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pulser.kernel.output.LOG_BYTES", 1000)

        result = self.shell(backend, "head -c 5000 /dev/zero | tr '\\0' x; echo end")

        assert result.log == b"x" * 1000 + b"\n[log truncated: limit of 1000 bytes reached]\n"
        assert (result.log_cut, result.log_bytes) == (True, len(result.log))
        assert result.outputs["stdout"].endswith("xend\n")

    def test_output_is_stored_while_the_call_goes_on(self, backend: Backend) -> None:
        script = {"run": "echo early; touch begun; until [ -e go ]; do sleep 0.02; done; echo late"}
        assignment, reporter = backend.assign("shell", script)

        with running(backend, assignment, reporter):
            wait_until(lambda: backend.result().log == b"early\n")
            (assignment.workdir / "go").touch()

        assert backend.result().log == b"early\nlate\n"

    def test_arguments_of_the_wrong_type_are_a_permanent_error(self, backend: Backend) -> None:
        result = self.perform(backend, "shell", {"run": "true", "env": {"X": []}})

        assert (result.outcome, result.error_class) == ("failure", "permanent")
        assert result.message.startswith("with.env.X: ")

    def test_a_tool_that_is_not_installed_is_a_permanent_error(self, backend: Backend) -> None:
        result = self.perform(backend, "teleport", {})

        assert (result.outcome, result.error_class) == ("failure", "permanent")
        assert result.message.startswith("the tool teleport is not installed on ")

    def test_a_fault_of_the_tool_leaves_its_traceback_in_the_log(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(execution.tools.installed()["shell"], "call", lambda *_: 1 / 0)

        result = self.shell(backend, "true")

        assert (result.outcome, result.error_class) == ("failure", "failed")
        assert result.message == "ZeroDivisionError: division by zero"
        assert result.log.startswith(b"Traceback (most recent call last):\n")

    @pytest.mark.parametrize("outputs", [{"x": float("nan")}, {"x": {1, 2}}])
    def test_outputs_that_cannot_be_stored_are_a_permanent_error(
        self, backend: Backend, outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(execution.tools.installed()["shell"], "call", lambda *_: outputs)

        result = self.shell(backend, "true")

        assert (result.outcome, result.error_class) == ("failure", "permanent")
        assert result.message.startswith("the outcome cannot be stored: ")

    def test_a_workspace_that_cannot_be_made_is_a_transient_error(self, backend: Backend) -> None:
        assignment, _ = backend.assign("shell", {"run": "true"})
        assignment.workdir.parent.mkdir(parents=True, exist_ok=True)
        (assignment.workdir.parent / "file").write_text("in the way")

        result = self.shell(backend, "true", workdir=assignment.workdir.parent / "file" / "work")

        assert (result.outcome, result.error_class) == ("failure", "transient")

    def test_nothing_is_lost_when_the_connection_breaks_in_mid_work(self, backend: Backend) -> None:
        script = {"run": "echo early; touch begun; until [ -e go ]; do sleep 0.02; done; echo late"}
        assignment, reporter = backend.assign("shell", script)

        with running(backend, assignment, reporter) as accepted:
            backend.disconnect()
            (assignment.workdir / "go").touch()

        assert accepted == [True]
        assert (backend.result().outcome, backend.result().log) == ("success", b"early\nlate\n")

    def test_the_group_of_a_child_is_noted(self, backend: Backend) -> None:
        result = self.shell(backend, "echo $$")

        assert result.process_group == int(result.outputs["stdout"])
