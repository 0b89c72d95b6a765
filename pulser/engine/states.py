"""The one state machine: the words for runs and steps, the moves between them, and who answers for each word.

A move is data: from which statuses, to which, and the event that says so. `runs/transitions/` carries them out and is
the only writer of a status; `docs/state-machine.md` is generated from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    BACKOFF = "backoff"
    WAITING = "waiting"
    SUCCESS = "success"
    ERROR = "error"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


RUN_ENDED = frozenset({RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.CANCELLED})
RUN_OPEN = frozenset(RunStatus) - RUN_ENDED
STEP_ENDED = frozenset({StepStatus.SUCCESS, StepStatus.ERROR, StepStatus.SKIPPED, StepStatus.CANCELLED})
STEP_OPEN = frozenset(StepStatus) - STEP_ENDED
STEP_BUSY = STEP_OPEN - {StepStatus.PENDING}


@dataclass(frozen=True, slots=True)
class Move:
    """An arrow: allowed from `sources`, leads to `target`, is told as `event`.

    `told_before`: events of the moves that it makes at once with its own, in their order.
    """

    sources: frozenset[str]
    target: str
    event: str
    told_before: tuple[str, ...] = ()

    @property
    def events(self) -> tuple[str, ...]:
        """All that it tells, in order."""
        return (*self.told_before, self.event)


def _from(*sources: str) -> frozenset[str]:
    return frozenset(sources)


_R, _S = RunStatus, StepStatus

RUN_MOVES: Mapping[str, Move] = {
    "start": Move(_from(_R.QUEUED), _R.RUNNING, "run.started"),
    "wait": Move(_from(_R.RUNNING), _R.WAITING, "run.waiting"),
    "resume": Move(_from(_R.WAITING), _R.QUEUED, "run.resumed"),
    "succeed": Move(_from(_R.RUNNING, _R.WAITING), _R.SUCCESS, "run.succeeded"),
    "fail": Move(_from(_R.QUEUED, _R.RUNNING, _R.WAITING), _R.ERROR, "run.failed"),
    "cancel": Move(_from(_R.QUEUED, _R.RUNNING, _R.WAITING), _R.CANCELLED, "run.cancelled"),
    "retry": Move(_from(_R.ERROR, _R.CANCELLED), _R.QUEUED, "run.retried"),
}

STEP_MOVES: Mapping[str, Move] = {
    "release": Move(_from(_S.PENDING), _S.QUEUED, "step.queued"),
    "skip": Move(_from(_S.PENDING), _S.SKIPPED, "step.skipped"),
    "claim": Move(_from(_S.QUEUED), _S.RUNNING, "step.claimed"),
    "release_and_claim": Move(_from(_S.PENDING), _S.RUNNING, "step.claimed", told_before=("step.queued",)),
    "succeed": Move(_from(_S.RUNNING), _S.SUCCESS, "step.succeeded"),
    "fail": Move(_from(_S.RUNNING), _S.ERROR, "step.failed"),
    "back_off": Move(_from(_S.RUNNING), _S.BACKOFF, "step.backed_off"),
    "lose": Move(_from(_S.RUNNING), _S.QUEUED, "step.lost"),
    "hand_back": Move(_from(_S.RUNNING), _S.QUEUED, "step.handed_back"),
    "park": Move(_from(_S.QUEUED), _S.WAITING, "step.parked"),
    "suspend": Move(_from(_S.RUNNING), _S.WAITING, "step.suspended"),
    "stop": Move(_from(_S.RUNNING), _S.CANCELLED, "step.cancelled"),
    "complete": Move(_from(_S.WAITING), _S.SUCCESS, "step.succeeded"),
    "refuse": Move(_from(_S.PENDING, _S.QUEUED, _S.WAITING), _S.ERROR, "step.failed"),
    "requeue": Move(_from(_S.BACKOFF, _S.WAITING), _S.QUEUED, "step.queued"),
    "cancel": Move(_from(_S.PENDING, _S.QUEUED, _S.RUNNING, _S.BACKOFF, _S.WAITING), _S.CANCELLED, "step.cancelled"),
    "reset": Move(_from(_S.SUCCESS, _S.ERROR, _S.SKIPPED, _S.CANCELLED), _S.PENDING, "run.retried"),
}


# The status that an event of this kind tells, of the run or of a step. A run is queued by its creation, no move.
RUN_STATUS_TOLD: Mapping[str, str] = {move.event: move.target for move in RUN_MOVES.values()}
STEP_STATUS_TOLD: Mapping[str, str] = {
    move.event: move.target for move in STEP_MOVES.values() if move.event.startswith("step.")
}


def status_told(kind: str) -> str | None:
    """The status that the run or the step has after an event of this kind; None for one that changes none."""
    if kind == "run.queued":
        return _R.QUEUED
    return RUN_STATUS_TOLD.get(kind) or STEP_STATUS_TOLD.get(kind)


@dataclass(frozen=True, slots=True)
class StatusOwner:
    """Who must act next on something that has not ended, until when, and what happens then."""

    owner: str
    deadline: str
    then: str


RUN_STATUS_OWNERS: Mapping[RunStatus, StatusOwner] = {
    _R.QUEUED: StatusOwner("the lane", "the next sweep", "it starts when the lane has a free slot and is not paused"),
    _R.RUNNING: StatusOwner("its running steps", "each step's timeout", "the timeout applies"),
    _R.WAITING: StatusOwner("its waiting steps", "their earliest deadline", "the run is queued again"),
}

STEP_STATUS_OWNERS: Mapping[StepStatus, StatusOwner] = {
    _S.PENDING: StatusOwner("the steps it needs", "the last of them ends", "it is queued or skipped"),
    _S.QUEUED: StatusOwner("the next free worker", "the next sweep", "workers are woken again"),
    _S.RUNNING: StatusOwner("its worker", "its lease expires", "the attempt is lost and retried"),
    _S.BACKOFF: StatusOwner("the sweeper", "the next attempt is due", "the step is queued again"),
    _S.WAITING: StatusOwner("a person or a timer", "its deadline", "the step's `on_timeout` applies"),
}
