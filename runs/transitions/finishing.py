"""What a worker reports of its claim. Each report carries the fence; who lost its lease changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from pulser.catalogue import graph_of
from pulser.engine.advance import Fact, Tally
from pulser.engine.states import STEP_MOVES, StepStatus
from pulser.language.catalogue import ErrorClass
from pulser.language.limits import APPROVAL_TIMEOUT_S, LOG_BYTES
from runs.events import rfc3339
from runs.models import Artifact, Proof
from runs.transitions.advancing import TALLY, close, read_tally, settle, tally_values
from runs.transitions.claiming import Claim, claim_or_close
from runs.transitions.turn import COLUMNS, Turn, in_seconds, rows, turn, turn_by


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verifier's judgement, as it is stored."""

    verifier: str
    passed: bool
    required: bool
    message: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptFile:
    """An artifact whose content lies in the storage already; it exists once its row does."""

    name: str
    kind: str
    media_type: str
    size: int
    sha256: str
    stored_as: str


@dataclass(frozen=True, slots=True)
class Report:
    """How an attempt went, beside its outcome."""

    exit_code: int | None = None
    verdicts: tuple[Verdict, ...] = ()
    files: tuple[KeptFile, ...] = ()
    log_bytes: int = 0
    log_cut: bool = False


@dataclass(frozen=True, slots=True)
class Success:
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """`delay`: seconds until the next attempt, None when there is none."""

    error_class: ErrorClass
    message: str
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class Suspended:
    """The step waits without a worker, `for_s` seconds or `until` a moment."""

    kind: str
    on_timeout: str
    for_s: float | None = None
    until: datetime | None = None
    role: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was cancelled and the tool has ended."""

    reason: str = "the run was cancelled"


Setback = Failure | Suspended | Stopped
Outcome = Success | Setback


@dataclass(frozen=True, slots=True)
class Finished:
    """`accepted`: the fence held. `next`: the step claimed in the same transaction, if there was one.

    `others_wait`: something else may be queued, of this run or of another.
    """

    accepted: bool
    next: Claim | None = None
    others_wait: bool = True


def finish_attempt(claim: Claim, outcome: Outcome, *, report: Report = Report(), go_on: bool = True) -> Finished:
    """Record the outcome, let the engine advance the run, and claim its next step for the same worker.

    `go_on=False` claims nothing: the caller's process ends. A report of a worker that lost its lease is refused,
    and told as `attempt.rejected`.
    """
    with _moved(claim, outcome, report) as (locked, moved):
        if not moved.is_ours:
            said = type(outcome).__name__.lower()
            locked.emit("attempt.rejected", step=claim.key, attempt=claim.number, worker=claim.holder.name, said=said)
            return Finished(accepted=False)
        _keep(locked, claim, report)
        _tell(locked, claim, outcome=moved.outcome, report=report)
        settle(locked, _ended(claim, moved.outcome), ready=moved.ready)
        following = claim_or_close(locked, claim.holder, tally=moved.tally) if go_on else None
        if not go_on:
            close(locked)
        locked.save()
        return Finished(accepted=True, next=following, others_wait=locked.others_wait)


# The way of most steps, in one statement: the run's lock first, then the fenced move, the attempt's end, and the needs
# that are met by it. Where nothing needs the step, it says as well how the others stand: the run may be over. That is
# read as of the statement's beginning, so it counts only if the run had no news until its lock was ours.
SUCCEED = f"""
WITH locked AS (SELECT {COLUMNS} FROM runs_run WHERE id = %s FOR UPDATE), moved AS (
    UPDATE runs_step SET status = %s, outputs = %s, reason = '', cause = ''
    WHERE id = %s AND EXISTS (SELECT FROM locked) AND status = ANY(%s) AND attempt = %s RETURNING id
), closed AS (
    UPDATE runs_attempt SET finished_at = clock_timestamp(), lease_expires = NULL, outcome = 'success', exit_code = %s,
           log_bytes = %s, log_cut = %s
    WHERE id = %s AND EXISTS (SELECT FROM moved)
), met AS (
    UPDATE runs_step SET open_needs = open_needs - 1
    WHERE run_id = (SELECT id FROM locked) AND key = ANY(%s) AND status = 'pending' AND EXISTS (SELECT FROM moved)
    RETURNING key, open_needs
), tally AS ({TALLY} AND id <> %s)
SELECT locked.*, EXISTS (SELECT FROM moved), ARRAY(SELECT key FROM met WHERE open_needs = 0), tally.*
FROM locked
LEFT JOIN tally ON %s AND locked.seq = (SELECT seq FROM runs_run WHERE id = locked.id)
"""  # noqa: S608


COUNTED_STEPS = 50  # in a larger run there mostly is another step to claim, and to count them all each time is dear


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a report: `outcome` as it was taken, whether the fence held, and what is known thereby."""

    outcome: Outcome
    is_ours: bool
    ready: list[str] | None = None
    """Steps that have no open need any more; None: not looked at yet."""
    tally: Tally | None = None
    """How the steps stand, if that is known."""


@contextmanager
def _moved(claim: Claim, outcome: Outcome, report: Report) -> Iterator[tuple[Turn, Moved]]:
    """A turn in which the step has made its move and its attempt is closed; or has not, when the fence refused it."""
    if isinstance(outcome, Success):
        with turn_by(SUCCEED, _success_values(claim, outcome, report), run_id=claim.run_id) as (locked, found):
            is_ours, ready, *tally = found
            known = read_tally(locked, tuple(tally)) if tally[0] is not None else None
            yield locked, Moved(outcome, is_ours, ready=ready, tally=known)
        return
    with turn(claim.run_id) as locked:
        made = _in_view_of_the_end(locked, claim, outcome)
        is_ours = bool(locked.move_steps(_move_of(made), [claim.key], fence=claim.number, **_columns(made)))
        if is_ours:
            _close_attempt(claim, made, report)
        yield locked, Moved(made, is_ours)


def _success_values(claim: Claim, outcome: Success, report: Report) -> list[Any]:
    """The arguments of SUCCEED."""
    move = STEP_MOVES["succeed"]
    nodes = graph_of(claim.version_id).nodes
    dependents = list(nodes[claim.key].dependents)
    may_be_last = not dependents and len(nodes) <= COUNTED_STEPS
    step = [move.target, json.dumps(dict(outcome.outputs)), claim.step_id, sorted(move.sources), claim.number]
    ended = [report.exit_code, report.log_bytes, report.log_cut, claim.attempt_id]
    others = [*tally_values(claim.run_id), claim.step_id, may_be_last]
    return [claim.run_id, *step, *ended, dependents, *others]


def _in_view_of_the_end(locked: Turn, claim: Claim, outcome: Setback) -> Setback:
    """A run that is being ended starts no pause and asks nobody: what failed has failed, what would wait is over."""
    if not locked.is_ending(claim.key):
        return outcome
    if isinstance(outcome, Failure):
        return replace(outcome, delay=None)
    return Stopped() if isinstance(outcome, Suspended) else outcome


def _move_of(outcome: Setback) -> str:
    match outcome:
        case Failure(delay=None):
            return "fail"
        case Failure():
            return "back_off"
        case Suspended():
            return "suspend"
        case Stopped():
            return "stop"


def _columns(outcome: Setback) -> dict[str, Any]:
    match outcome:
        case Failure(error_class=error_class, message=message, delay=None):
            return {"reason": message[:500], "cause": error_class.value}
        case Failure(error_class=error_class, message=message, delay=float(delay)):
            return {"reason": message[:500], "cause": error_class.value, "next_attempt_at": in_seconds(delay)}
        case Suspended():
            return suspension_columns(outcome)
        case Stopped(reason=reason):
            return {"reason": reason, "cause": "cancel"}
    raise TypeError(f"no outcome: {outcome!r}")


def suspension_columns(wait: Suspended) -> dict[str, Any]:
    until: Any = wait.until if wait.until is not None else in_seconds(wait.for_s or APPROVAL_TIMEOUT_S)
    return {
        "deadline_at": until,
        "wait_kind": wait.kind,
        "wait_role": wait.role,
        "wait_message": wait.message,
        "on_timeout": wait.on_timeout,
        "reason": "",
        "cause": wait.kind,
    }


def _ended(claim: Claim, outcome: Outcome) -> dict[str, Fact]:
    match outcome:
        case Success(outputs=outputs):
            return {claim.key: Fact(StepStatus.SUCCESS, "", outputs)}
        case Failure(delay=None):
            return {claim.key: Fact(StepStatus.ERROR)}
        case Stopped():
            return {claim.key: Fact(StepStatus.CANCELLED)}
    return {}


OUTCOMES = {Failure: "error", Stopped: "cancelled"}
CLOSE_ATTEMPT = """
UPDATE runs_attempt SET finished_at = {finished}, lease_expires = NULL, outcome = %s, exit_code = %s, error_class = %s,
       error_message = %s, log_bytes = %s, log_cut = %s
WHERE id = %s
"""


def _close_attempt(claim: Claim, outcome: Setback, report: Report) -> None:
    """A suspended step keeps its attempt open, without a lease: whoever decides ends it."""
    finished = "NULL" if isinstance(outcome, Suspended) else "clock_timestamp()"
    error_class, message = (outcome.error_class.value, outcome.message) if isinstance(outcome, Failure) else ("", "")
    values = [OUTCOMES.get(type(outcome), ""), report.exit_code, error_class, message]
    rows(CLOSE_ATTEMPT.format(finished=finished), [*values, report.log_bytes, report.log_cut, claim.attempt_id])


def _keep(locked: Turn, claim: Claim, report: Report) -> None:
    """Artifacts and proofs become true together with the outcome."""
    for file in report.files:
        Artifact.objects.create(
            run_id=claim.run_id,
            step_id=claim.step_id,
            attempt=claim.number,
            name=file.name,
            kind=file.kind,
            media_type=file.media_type,
            size=file.size,
            sha256=file.sha256,
            content=file.stored_as,
        )
        said = {"name": file.name, "kind": file.kind, "size": file.size, "sha256": file.sha256}
        locked.emit("artifact.created", step=claim.key, attempt=claim.number, **said)
    for position, verdict in enumerate(report.verdicts):
        Proof.objects.create(
            step_id=claim.step_id,
            attempt=claim.number,
            position=position,
            verifier=verdict.verifier,
            passed=verdict.passed,
            required=verdict.required,
            message=verdict.message,
            evidence=dict(verdict.evidence),
        )
        locked.emit(
            "proof.recorded",
            step=claim.key,
            attempt=claim.number,
            verifier=verdict.verifier,
            passed=verdict.passed,
            required=verdict.required,
            message=verdict.message,
        )


def _tell(locked: Turn, claim: Claim, *, outcome: Outcome, report: Report) -> None:
    where: dict[str, Any] = {"step": claim.key, "attempt": claim.number}
    match outcome:
        case Success(outputs=outputs):
            locked.emit("step.succeeded", **where, outputs=outputs)
        case Failure():
            said: dict[str, Any] = {
                "reason": outcome.message[:500],
                "error_class": outcome.error_class.value,
                "exit_code": report.exit_code,
            }
            if outcome.delay is None:
                locked.emit("step.failed", **where, **said)
            else:
                locked.emit("step.backed_off", **where, **said, delay_s=round(outcome.delay, 3))
        case Suspended():
            tell_suspension(locked, claim.key, number=claim.number)
        case Stopped(reason=reason):
            locked.emit("step.cancelled", **where, reason=reason)
    if report.log_cut:
        locked.emit("log.cut", **where, limit=LOG_BYTES)


def tell_suspension(locked: Turn, key: str, *, number: int) -> None:
    """Say what a step waits for, and until when: the deadline is the database's."""
    ((kind, role, message, on_timeout, until),) = rows(
        "SELECT wait_kind, wait_role, wait_message, on_timeout, deadline_at FROM runs_step"
        " WHERE run_id = %s AND key = %s",
        [locked.run_id, key],
    )
    if kind != "lost":
        locked.emit("step.suspended", step=key, attempt=number, wait=kind, until=rfc3339(until))
    if role:
        locked.emit(
            "approval.requested",
            step=key,
            attempt=number,
            role=role,
            message=message,
            until=rfc3339(until),
            on_timeout=on_timeout,
        )


RENEW = """
WITH seen AS (UPDATE runs_worker SET seen_at = clock_timestamp() WHERE name = %s)
UPDATE runs_attempt SET lease_expires = clock_timestamp() + %s * interval '1 second'
WHERE id = %s AND finished_at IS NULL AND lease_expires IS NOT NULL RETURNING id
"""


def renew(claim: Claim, *, lease_s: float) -> bool:
    """Prolong the lease; a busy worker shows by it that it is alive.

    False: it was lost, and the step belongs to somebody else.
    """
    return bool(rows(RENEW, [claim.holder.name, lease_s, claim.attempt_id]))


def note_process_group(claim: Claim, group: int) -> None:
    """Remember the child's process group, so that a later attempt can end what is left of it."""
    with transaction.atomic():
        rows(
            "UPDATE runs_attempt SET process_group = %s WHERE id = %s AND finished_at IS NULL",
            [group, claim.attempt_id],
        )
