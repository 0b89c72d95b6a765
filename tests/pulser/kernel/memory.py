"""A reporter that keeps everything in memory, and a backend of the contract around it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pulser.engine.outcomes import Failed, Stopped, Success, Suspended
from pulser.kernel.assignment import Assignment
from pulser.kernel.outcomes import ArtifactFile, AttemptReport, HandedBack, RunnerOutcome, StoredFile
from pulser.kernel.reporter import Disconnected, NotStorable, OutputChunk, StopReason
from pulser.language.catalogue import Effect
from tests.pulser.kernel.contract import Result

T = TypeVar("T")
RETRIES = 5
WORDS = {Success: "success", Failed: "failure", Suspended: "suspended", Stopped: "stopped", HandedBack: "handed_back"}


class MemoryReporter:
    """The server of one attempt. What the kernel may meet is set by its attributes."""

    def __init__(self) -> None:
        self.away = 0  # so many calls find no server
        self.is_cancelled = False
        self.is_lost = False  # somebody else has the step
        self.has_worked = False
        self.renew_delays: list[float] = []  # seconds that the next renewals take
        self.store_delay_s = 0.0

        self.renewals = 0
        self.looks = 0
        self.refusals = 0
        self.chunks: dict[int, OutputChunk] = {}
        self.progress_reports: list[tuple[int, int]] = []
        self.groups: list[int] = []
        self.contents: dict[str, bytes] = {}
        self.outcome: RunnerOutcome | None = None
        self.report = AttemptReport()
        self._lock = threading.Lock()

    def retry_on_disconnect(self, call: Callable[[], T]) -> T:
        for _ in range(RETRIES):
            try:
                return call()
            except Disconnected:
                continue
        return call()

    def renew_lease(self) -> bool:
        self._reach()
        if self.renew_delays:
            time.sleep(self.renew_delays.pop(0))
        self.renewals += 1
        return not self.is_lost

    def stop_reason(self) -> StopReason | None:
        self._reach()
        self.looks += 1
        if self.is_lost:
            return StopReason.LOST
        return StopReason.CANCELLED if self.is_cancelled else None

    def has_worked_before(self) -> bool:
        self._reach()
        return self.has_worked

    def note_process_group(self, group: int) -> None:
        self._reach()
        self.groups.append(group)

    def store_output(self, chunks: Sequence[OutputChunk]) -> None:
        for chunk in chunks:
            self._reach()
            time.sleep(self.store_delay_s)
            if self.outcome is None:
                self.chunks.setdefault(chunk.offset, chunk)

    def progress(self, *, done: int, total: int) -> None:
        self._reach()
        if not self.is_lost:
            self.progress_reports.append((done, total))

    def store_artifact(self, file: ArtifactFile, content: BinaryIO) -> StoredFile:
        content.seek(0)
        self.contents[file.name] = content.read()
        return StoredFile(file, location=f"memory:{file.name}")

    def finish(self, outcome: RunnerOutcome, *, report: AttemptReport, process_ends: bool = False) -> bool:
        self._reach()
        if isinstance(outcome, Success):
            _check_storable(outcome.outputs)
        with self._lock:
            if self.is_lost or self.outcome is not None:
                self.refusals += 1
                return False
            self.outcome, self.report = outcome, report
            return True

    @property
    def log(self) -> bytes:
        """All chunks, which follow each other without a gap."""
        log = b""
        for offset, chunk in sorted(self.chunks.items()):
            assert offset == len(log), "a gap, or a chunk that overlaps"
            log += chunk.data
        return log

    def _reach(self) -> None:
        with self._lock:
            if self.away:
                self.away -= 1
                raise Disconnected("the server is away")


def _check_storable(outputs: Any) -> None:
    try:
        json.dumps(dict(outputs), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise NotStorable(str(error)) from error


class MemoryBackend:
    """Assignments that nobody made, and what their reporter heard."""

    def __init__(self, folder: Path) -> None:
        self.reporter = MemoryReporter()
        self._folder = folder

    def assign(self, tool: str, arguments: dict[str, Any], **fields: Any) -> tuple[Assignment, MemoryReporter]:
        assignment = Assignment(
            run_id="run-1",
            step_id="step",
            number=1,
            tool=tool,
            arguments=arguments,
            workdir=self._folder / "work",
            timeout_s=20.0,
            lease_s=30.0,
            idempotency_key="run-1/step",
            effect=Effect.IDEMPOTENT,
        )
        return replace(assignment, **fields), self.reporter

    def cancel(self) -> None:
        self.reporter.is_cancelled = True

    def lose(self) -> None:
        self.reporter.is_lost = True

    def disconnect(self) -> None:
        self.reporter.away = 2

    def leave_thread(self) -> None:
        pass

    def result(self) -> Result:
        reporter, outcome, report = self.reporter, self.reporter.outcome, self.reporter.report
        failure = outcome if isinstance(outcome, Failed) else None
        return Result(
            outcome=WORDS[type(outcome)] if outcome is not None else "",
            outputs=outcome.outputs if isinstance(outcome, Success) else None,
            error_class=failure.error_class.value if failure else "",
            message=failure.message if failure else "",
            exit_code=report.exit_code,
            verdicts=[(verdict.verifier, verdict.passed, verdict.required) for verdict in report.verdicts],
            files={stored.file.name: reporter.contents[stored.file.name] for stored in report.files},
            log=reporter.log,
            log_bytes=report.log_bytes,
            log_cut=report.log_cut,
            progress=reporter.progress_reports[-1] if reporter.progress_reports else None,
            process_group=reporter.groups[-1] if reporter.groups else None,
            wait=(outcome.kind, outcome.role, outcome.on_timeout, outcome.message)
            if isinstance(outcome, Suspended)
            else None,
        )
