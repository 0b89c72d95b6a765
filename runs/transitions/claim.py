"""Taking work: a run takes a slot of its lane, a worker claims a queued step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from pulser.engine.advance import StepCounts
from pulser.engine.driver import claim_or_conclude, start_steps
from pulser.engine.states import STEP_MOVES, RunStatus
from runs.errors import NotFound
from runs.events import entry, event_values
from runs.sql import first, rows
from runs.transitions.locked_run import LockedRun, lock_run
from runs.transitions.sql.claims import ClaimedRow, ClaimRow, claim_queued, release_and_claim
from runs.transitions.sql.runs import (
    FIND_WORK,
    LOCK_LANE,
    LOCK_NEXT_RUN,
    STARTED_AT,
    LaneRow,
    RunRow,
    Work,
    deadline_once,
)
from runs.transitions.sql.steps import COUNT_VALUES

LEASE_S = 30.0
FIND_WORK_ATTEMPTS = 3  # others may be faster again and again; they too look for more when they are done


@dataclass(frozen=True, slots=True)
class Claimant:
    """The worker that claims: its name, its host, and which of its processes does the work."""

    name: str
    host: str
    process: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A step in a worker's hands. `number` is the fence that each of its writes carries."""

    run_id: str
    version_id: int
    params: dict[str, Any]
    environment: str
    title: str
    key: str
    step_id: int
    attempt_id: int
    number: int
    tries: int
    """Attempts of the present budget, this one included."""
    claimant: Claimant
    started_at: datetime


def claim_any(claimant: Claimant) -> Claim | None:
    """For a worker that is free: a queued step of a running run, else the next run of a lane with room."""
    for _ in range(FIND_WORK_ATTEMPTS):
        found = rows(FIND_WORK, as_=Work)
        for work in found:
            if claim := _claim_work(work, claimant):
                return claim
        if not found:
            return None
    return None


def _claim_work(work: Work, claimant: Claimant) -> Claim | None:
    if work.run_id is not None:
        return claim_from_run(str(work.run_id), claimant)
    return start_next_run(work.lane_id, claimant) if work.lane_id is not None else None


def claim_from_run(run_id: str, claimant: Claimant) -> Claim | None:
    """Claim a queued step of a run that is under way. None: there is none any more."""
    with suppress(NotFound), lock_run(run_id) as locked:
        found = claim_step(locked, claimant)
        return found if isinstance(found, Claim) else None
    return None


def start_next_run(lane_id: int, claimant: Claimant) -> Claim | None:
    """Start the next run of a lane and claim that run's first step. None: it has no slot, or nothing waits for one."""
    started = True
    while started:  # a run that ends at once leaves its slot to the next
        with transaction.atomic():
            started, claim = _start_next_run(lane_id, claimant)
        if claim:
            return claim
    return None


def _start_next_run(lane_id: int, claimant: Claimant) -> tuple[bool, Claim | None]:
    """Whether a run started, and its first step if there is one to claim."""
    lane = first(LOCK_LANE, {"lane_id": lane_id}, as_=LaneRow)
    if lane is None or lane.paused:
        return False, None
    row = first(LOCK_NEXT_RUN, {"lane_id": lane_id, "limit": lane.limit}, as_=RunRow)
    if row is None:
        return False, None
    locked = LockedRun.of(row)
    _start(locked, lane=lane.name)
    claim = claim_next(locked, claimant)
    locked.end()
    return True, claim


def _start(locked: LockedRun, *, lane: str) -> None:
    """queued -> running. A plan's timeout counts from the start of the run, or of its retry.

    A run that goes on keeps the deadline that it has.
    """
    again = locked.has_started
    columns = {} if again else {"started_at": STARTED_AT}
    timeout_s = locked.graph.plan.timeout
    if timeout_s and not locked.stop:
        columns["deadline_at"] = deadline_once(timeout_s)
    locked.move_run("start", data={"lane": lane, "again": again}, columns=columns)
    start_steps(locked)


def claim_next(locked: LockedRun, claimant: Claimant, *, counts: StepCounts | None = None) -> Claim | None:
    """The next step of the run for this worker; where there is none the run waits, cleans up, or ends."""
    return claim_or_conclude(locked, partial(claim_step, locked, claimant), counts=counts)


def claim_step(locked: LockedRun, claimant: Claimant) -> Claim | StepCounts | None:
    """queued -> running for a queued step of a running run, with a new attempt under a lease.

    Else how the steps stand. None: the run does not run.
    """
    if locked.status != RunStatus.RUNNING:
        return None
    if locked.released:
        return _claim_released(locked, claimant)
    changes, values = _claim_params(locked, claimant)
    (row,) = rows(claim_queued(changes), {**values, **COUNT_VALUES}, as_=ClaimRow)
    return _claim_of_row(locked, claimant, row.claimed) if row.claimed else locked.counts_of(row)


def _claim_released(locked: LockedRun, claimant: Claimant) -> Claim:
    changes, values = _claim_params(locked, claimant)
    released = {"first": locked.released[0], "keys": locked.released}
    (row,) = rows(release_and_claim(changes), {**values, **released}, as_=ClaimedRow)
    return _claim_of_row(locked, claimant, row)


def _claim_params(locked: LockedRun, claimant: Claimant) -> tuple[str, dict[str, Any]]:
    """The run's own changes as SQL, and the parameters of all that a claim writes beside the step."""
    changes, values = locked.assignments()
    told = [*locked.events, entry(STEP_MOVES["claim"].event, worker=claimant.name)]
    numbers = {"run_id": locked.run_id, "seq": locked.seq, "new_seq": locked.seq + len(told)}
    held = {"worker": claimant.name, "host": claimant.host, "process": claimant.process, "lease_s": LEASE_S}
    return changes, {**values, **numbers, **held, **event_values(told)}


def _claim_of_row(locked: LockedRun, claimant: Claimant, row: ClaimedRow) -> Claim:
    locked.note_claimed(row.key)
    locked.note_written(locked.seq + len(locked.events) + 1)
    return Claim(
        run_id=locked.run_id,
        version_id=locked.version_id,
        params=locked.params,
        environment=locked.environment,
        title=locked.title,
        key=row.key,
        step_id=row.step_id,
        attempt_id=row.attempt_id,
        number=row.number,
        tries=row.tries,
        claimant=claimant,
        started_at=row.started_at,
    )
