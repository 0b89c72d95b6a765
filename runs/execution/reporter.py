"""The kernel's reporter of a Celery worker: it writes to the database, through the transitions.

Here stands what the kernel's values are in theirs, and whether an attempt that failed is followed by another one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeVar

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DataError, Error, IntegrityError, connection

from pulser.engine.graph import Graph
from pulser.engine.retry import decide_retry
from pulser.kernel import outcomes as kernel
from pulser.kernel.reporter import NotStorable, OutputChunk, StopReason
from pulser.language.catalogue import Effect
from runs import hints
from runs.errors import NotThere
from runs.execution.disconnects import DatabaseAway, disconnects, retry_on_disconnect
from runs.execution.workspace import has_worked
from runs.models import LogChunk
from runs.transitions.claiming import LEASE_S, Claim
from runs.transitions.finishing import (
    Failure,
    Finished,
    KeptFile,
    Outcome,
    Report,
    Stopped,
    Success,
    Suspended,
    Verdict,
    finish_attempt,
    note_process_group,
    renew,
)
from runs.transitions.progressing import progress
from runs.transitions.rescuing import hand_back
from runs.transitions.turn import rows

T = TypeVar("T")
chance = random.SystemRandom().random

# Whether the run was cancelled. No row: the step is in other hands.
LOOK = """
SELECT r.cancel_count > s.is_finally::int FROM runs_step s JOIN runs_run r ON r.id = s.run_id
WHERE s.id = %s AND s.attempt = %s AND s.status = 'running'
"""
# Returns the id. No row: the attempt is over, or the chunk is stored already.
INSERT_CHUNK = """
INSERT INTO runs_logchunk (attempt_id, "offset", stream, data, lines, is_open, at)
SELECT %s, %s, %s, %s, %s, %s, clock_timestamp() FROM runs_attempt WHERE id = %s AND finished_at IS NULL
ON CONFLICT (attempt_id, "offset") DO NOTHING RETURNING id
"""


class DatabaseReporter:
    """Reports the attempt that `claim` opened. `effect`: the step's with its present arguments.

    `go_on` is asked when the work is done: whether this worker may claim another step.
    """

    def __init__(self, claim: Claim, graph: Graph, *, effect: Effect, go_on: Callable[[], bool]) -> None:
        self.claim = claim
        self.finished = Finished(accepted=False)
        """What came of the last `finish`: the next claim for this worker, if there is one."""
        self._graph = graph
        self._effect = effect
        self._go_on = go_on

    def retry_on_disconnect(self, call: Callable[[], T]) -> T:
        return retry_on_disconnect(call)

    @disconnects()
    def renew_lease(self) -> bool:
        return renew(self.claim, lease_s=LEASE_S)

    @disconnects()
    def stop_reason(self) -> StopReason | None:
        found = rows(LOOK, [self.claim.step_id, self.claim.number])
        if not found:
            return StopReason.LOST
        return StopReason.CANCELLED if found[0][0] else None

    @disconnects()
    def has_worked_before(self) -> bool:
        claim, step = self.claim, self._graph.nodes[self.claim.key].step
        return (claim.number > 1 or bool(step.needs)) and has_worked(claim.run_id)

    @disconnects()
    def note_process_group(self, group: int) -> None:
        note_process_group(self.claim, group)

    @disconnects()
    def store_output(self, chunks: Sequence[OutputChunk]) -> None:
        stored = [chunk_id for chunk in chunks for (chunk_id,) in self._insert(chunk)]
        if stored:
            hints.publish(self.claim.run_id, log=stored[-1])

    def _insert(self, chunk: OutputChunk) -> list[tuple[int]]:
        attempt, (stream, offset, data) = self.claim.attempt_id, chunk
        return rows(INSERT_CHUNK, [attempt, offset, stream, data, *LogChunk.count(data), attempt])

    def progress(self, *, done: int, total: int) -> None:
        try:
            progress(self.claim, done=done, total=total)
        except NotThere:
            pass  # the run was deleted; the heartbeat finds out
        except Error as error:
            connection.close()
            raise DatabaseAway(*error.args) from error

    def store_artifact(self, file: kernel.ArtifactFile, content: BinaryIO) -> kernel.StoredFile:
        claim = self.claim
        name = f"artifacts/{claim.run_id}/{claim.key}/{claim.number}/{file.name}"
        content.seek(0)
        return kernel.StoredFile(file, default_storage.save(name, File(content), max_length=300))

    @disconnects()
    def finish(self, outcome: kernel.Outcome, *, report: kernel.AttemptReport, process_ends: bool = False) -> bool:
        claim = self.claim
        if isinstance(outcome, kernel.HandedBack):
            self.finished = Finished(accepted=hand_back(claim.run_id, claim.key, number=claim.number))
            return self.finished.accepted
        go_on = not process_ends and self._go_on()
        try:
            self.finished = finish_attempt(claim, self._as_stored(outcome), report=_report(report), go_on=go_on)
        except (DataError, IntegrityError, TypeError, ValueError) as error:
            raise NotStorable(str(error).partition("\n")[0] or type(error).__name__) from error
        return self.finished.accepted

    def _as_stored(self, outcome: kernel.Success | kernel.Failure | kernel.Suspended | kernel.Stopped) -> Outcome:
        match outcome:
            case kernel.Success(outputs=outputs):
                return Success(outputs)
            case kernel.Failure():
                return Failure(outcome.error_class, outcome.message, self._delay_after(outcome))
            case kernel.Suspended(kind=kind, on_timeout=on_timeout):
                return Suspended(kind, on_timeout, outcome.for_s, outcome.until, outcome.role, outcome.message)
            case kernel.Stopped():
                return Stopped()

    def _delay_after(self, failure: kernel.Failure) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        step = self._graph.nodes[self.claim.key].step
        decision = decide_retry(
            self._graph.retry_of(step.id),
            failure.error_class,
            tries=self.claim.tries,
            effect=self._effect,
            explicit=step.retry is not None,
            chance=chance(),
        )
        return decision.delay if decision else None


def _report(report: kernel.AttemptReport) -> Report:
    return Report(
        report.exit_code,
        tuple(Verdict(v.verifier, v.passed, v.required, v.message, v.evidence) for v in report.verdicts),
        tuple(
            KeptFile(s.file.name, s.file.kind, s.file.media_type, s.file.size, s.file.sha256, s.location)
            for s in report.files
        ),
        report.log_bytes,
        report.log_cut,
    )
