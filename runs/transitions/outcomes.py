"""What a worker reports of its claim when the work is done. Each report carries the fence.

Who lost its lease changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from pulser.catalogue import compiled_plan
from pulser.engine.advance import StepCounts
from pulser.engine.driver import conclude_run, emit_outcome
from pulser.engine.moves import advance_from, take_outcome
from pulser.engine.outcomes import (
    AttemptEnd,
    BackedOff,
    Failed,
    Outcome,
    Stopped,
    Success,
    Suspended,
    failure,
)
from pulser.kernel.outcomes import AttemptReport, StoredFile
from pulser.language.limits import LOG_BYTES
from runs.models import Artifact, Proof
from runs.sql import rows
from runs.transitions.claim import Claim, claim_next
from runs.transitions.locked_run import LockedRun, lock_run, lock_run_by
from runs.transitions.sql.attempts import CLOSE_ATTEMPT
from runs.transitions.sql.steps import COUNT_VALUES
from runs.transitions.sql.success import SUCCEED, SuccessRow

__all__ = [
    "BackedOff",
    "Failed",
    "FinishResult",
    "Outcome",
    "Stopped",
    "Success",
    "Suspended",
    "failure",
    "finish_attempt",
]


EMPTY_REPORT = AttemptReport()


@dataclass(frozen=True, slots=True)
class FinishResult:
    """`accepted`: the fence held. `next`: the step claimed in the same transaction, if there was one.

    `others_wait`: something else may be queued, of this run or of another.
    """

    accepted: bool
    next: Claim | None = None
    others_wait: bool = True


def finish_attempt(
    claim: Claim, outcome: Outcome, *, report: AttemptReport = EMPTY_REPORT, go_on: bool = True
) -> FinishResult:
    """Record the outcome, let the engine advance the run, and claim its next step for the same worker.

    `go_on=False` claims nothing: the caller's process ends. A report of a worker that lost its lease is refused,
    and told as `attempt.rejected`.
    """
    with _recorded(claim, outcome, report) as (locked, recorded):
        taken = recorded.outcome
        if taken is None:
            said = {"worker": claim.claimant.name, "said": outcome.name}
            locked.emit("attempt.rejected", step=claim.key, attempt=claim.number, **said)
            return FinishResult(accepted=False)
        _store_artifacts_and_verdicts(locked, claim, report)
        emit_outcome(locked, claim.key, outcome=taken, number=claim.number, exit_code=report.exit_code)
        if report.log_cut:
            locked.emit("log.cut", step=claim.key, attempt=claim.number, limit=LOG_BYTES)
        advance_from(locked, {claim.key: taken}, ready=recorded.ready)
        following = claim_next(locked, claim.claimant, counts=recorded.counts) if go_on else None
        if not go_on:
            conclude_run(locked)
        locked.save()
        return FinishResult(accepted=True, next=following, others_wait=locked.others_wait)


COUNTED_STEPS = 50  # in a larger run there mostly is another step to claim, and to count them all each time is dear


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What became of a report, and what is known thereby."""

    outcome: Outcome | None
    """As it was taken; None: the fence refused it."""
    ready: list[str] | None = None
    """Steps that have no open need any more; None: not looked at yet."""
    counts: StepCounts | None = None
    """How the steps stand, if that is known."""


@contextmanager
def _recorded(claim: Claim, outcome: Outcome, report: AttemptReport) -> Iterator[tuple[LockedRun, _Recorded]]:
    """The locked run, in which the step has made its move and its attempt is closed, unless the fence refused it."""
    if isinstance(outcome, Success):
        with lock_run_by(SUCCEED, _success_values(claim, outcome, report), as_=SuccessRow) as (locked, row):
            counts = None if row.busy is None else locked.counts_of(row)
            yield locked, _Recorded(outcome if row.is_ours else None, row.ready, counts)
        return
    with lock_run(claim.run_id) as locked:
        close = partial(_close_attempt, claim, report)
        yield locked, _Recorded(take_outcome(locked, claim.key, outcome=outcome, number=claim.number, close=close))


def _success_values(claim: Claim, outcome: Success, report: AttemptReport) -> dict[str, Any]:
    nodes = compiled_plan(claim.version_id).nodes
    dependents = list(nodes[claim.key].dependents)
    return {
        "run_id": claim.run_id,
        "step_id": claim.step_id,
        "number": claim.number,
        "attempt_id": claim.attempt_id,
        "outputs": json.dumps(dict(outcome.outputs)),
        "outcome": outcome.attempt.outcome,
        "dependents": dependents,
        "counts": not dependents and len(nodes) <= COUNTED_STEPS,
        **report.columns,
        **COUNT_VALUES,
    }


def _close_attempt(claim: Claim, report: AttemptReport, end: AttemptEnd) -> None:
    rows(CLOSE_ATTEMPT, {"attempt_id": claim.attempt_id, **asdict(end), **report.columns})


def _store_artifacts_and_verdicts(locked: LockedRun, claim: Claim, report: AttemptReport) -> None:
    """Artifacts and proofs become true together with the outcome."""
    for stored in report.files:
        _store_artifact(locked, claim, stored)
    for position, verdict in enumerate(report.verdicts):
        known = {"verifier": verdict.verifier, "passed": verdict.passed, "required": verdict.required}
        evidence = dict(verdict.evidence)
        where = {"step_id": claim.step_id, "attempt": claim.number, "position": position}
        Proof.objects.create(**where, **known, message=verdict.message, evidence=evidence)
        locked.emit("proof.recorded", step=claim.key, attempt=claim.number, **known, message=verdict.message)


def _store_artifact(locked: LockedRun, claim: Claim, stored: StoredFile) -> None:
    measured = stored.file
    known = {"name": measured.name, "kind": measured.kind, "size": measured.size, "sha256": measured.sha256}
    where = {"run_id": claim.run_id, "step_id": claim.step_id, "attempt": claim.number}
    Artifact.objects.create(**where, **known, media_type=measured.media_type, content=stored.location)
    locked.emit("artifact.created", step=claim.key, attempt=claim.number, **known)
