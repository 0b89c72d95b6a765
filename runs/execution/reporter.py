"""The kernel's reporter of a Celery worker: it writes to the database, through the transitions.

Here is decided whether an attempt that failed is followed by another one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeVar

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import DataError, Error, IntegrityError, connection

from pulser.engine.graph import Graph
from pulser.engine.outcomes import BackedOff, Failed, failure
from pulser.engine.retry import decide_retry
from pulser.kernel.outcomes import ArtifactFile, AttemptReport, HandedBack, RunnerOutcome, StoredFile
from pulser.kernel.reporter import NotStorable, OutputChunk, StopReason
from pulser.language.catalogue import Effect
from runs import hints
from runs.errors import NotFound
from runs.execution.disconnects import DatabaseAway, raise_when_disconnected, retry_on_disconnect
from runs.execution.workspace import has_worked
from runs.models import LogChunk
from runs.sql import column
from runs.transitions import finish_attempt, hand_back, note_process_group, renew_lease, set_progress
from runs.transitions.claim import LEASE_S, Claim
from runs.transitions.outcomes import FinishResult

T = TypeVar("T")
random_fraction = random.SystemRandom().random

# Locks nothing. Returns whether the run was cancelled; no row: the step is in other hands. By hand, since every worker
# asks it every two seconds.
CHECK_CLAIM = """
SELECT r.cancel_count > s.is_finally::int FROM runs_step s JOIN runs_run r ON r.id = s.run_id
WHERE s.id = %(step_id)s AND s.attempt = %(number)s AND s.status = 'running'
"""
# Returns the chunk's id; no row: the attempt is over, or the chunk is stored already. By hand: the ORM knows no INSERT
# with a SELECT.
INSERT_CHUNK = """
INSERT INTO runs_logchunk (attempt_id, "offset", stream, data, lines, is_open, at)
SELECT id, %(offset)s, %(stream)s, %(data)s, %(lines)s, %(is_open)s, clock_timestamp()
FROM runs_attempt WHERE id = %(attempt_id)s AND finished_at IS NULL
ON CONFLICT (attempt_id, "offset") DO NOTHING RETURNING id
"""


class DatabaseReporter:
    """Reports the attempt that `claim` opened. `effect`: the step's with its present arguments.

    `go_on` is asked when the work is done: whether this worker may claim another step.
    """

    def __init__(self, claim: Claim, graph: Graph, *, effect: Effect, go_on: Callable[[], bool]) -> None:
        self.claim = claim
        self.finished = FinishResult(accepted=False)
        """What came of the last `finish`: the next claim for this worker, if there is one."""
        self._graph = graph
        self._effect = effect
        self._go_on = go_on

    def retry_on_disconnect(self, call: Callable[[], T]) -> T:
        return retry_on_disconnect(call)

    @raise_when_disconnected()
    def renew_lease(self) -> bool:
        return renew_lease(self.claim, lease_s=LEASE_S)

    @raise_when_disconnected()
    def stop_reason(self) -> StopReason | None:
        found = column(CHECK_CLAIM, {"step_id": self.claim.step_id, "number": self.claim.number})
        if not found:
            return StopReason.LOST
        return StopReason.CANCELLED if found[0] else None

    @raise_when_disconnected()
    def has_worked_before(self) -> bool:
        claim, step = self.claim, self._graph.nodes[self.claim.key].step
        return (claim.number > 1 or bool(step.needs)) and has_worked(claim.run_id)

    @raise_when_disconnected()
    def note_process_group(self, group: int) -> None:
        note_process_group(self.claim, group)

    @raise_when_disconnected()
    def store_output(self, chunks: Sequence[OutputChunk]) -> None:
        stored = [chunk_id for chunk in chunks for chunk_id in self._insert(chunk)]
        if stored:
            hints.publish(self.claim.run_id, log=stored[-1])

    def _insert(self, chunk: OutputChunk) -> list[int]:
        lines, is_open = LogChunk.count(chunk.data)
        counted = {"lines": lines, "is_open": is_open}
        return column(INSERT_CHUNK, {"attempt_id": self.claim.attempt_id, **chunk._asdict(), **counted})

    def progress(self, *, done: int, total: int) -> None:
        try:
            set_progress(self.claim, done=done, total=total)
        except NotFound:
            pass  # the run was deleted; the heartbeat finds out
        except Error as error:
            connection.close()
            raise DatabaseAway(*error.args) from error

    def store_artifact(self, file: ArtifactFile, content: BinaryIO) -> StoredFile:
        claim = self.claim
        name = f"artifacts/{claim.run_id}/{claim.key}/{claim.number}/{file.name}"
        content.seek(0)
        return StoredFile(file, default_storage.save(name, File(content), max_length=300))

    @raise_when_disconnected()
    def finish(self, outcome: RunnerOutcome, *, report: AttemptReport, process_ends: bool = False) -> bool:
        claim = self.claim
        if isinstance(outcome, HandedBack):
            self.finished = FinishResult(accepted=hand_back(claim.run_id, claim.key, number=claim.number))
            return self.finished.accepted
        stored = self._with_retry(outcome) if isinstance(outcome, Failed) else outcome
        go_on = not process_ends and self._go_on()
        try:
            self.finished = finish_attempt(claim, stored, report=report, go_on=go_on)
        except (DataError, IntegrityError, TypeError, ValueError) as error:
            raise NotStorable(str(error).partition("\n")[0] or type(error).__name__) from error
        return self.finished.accepted

    def _with_retry(self, failed: Failed) -> Failed | BackedOff:
        """The failure, and whether another attempt follows."""
        step = self._graph.nodes[self.claim.key].step
        decision = decide_retry(
            self._graph.retry_of(step.id),
            failed.error_class,
            tries=self.claim.tries,
            effect=self._effect,
            explicit=step.retry is not None,
            chance=random_fraction(),
        )
        return failure(failed.error_class, failed.message, delay=decision.delay if decision else None)
