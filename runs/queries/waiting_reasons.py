"""Why a run is not running: the first reason that holds, in a few words, and until when.

The reasoning is pure; `read_capacity` reads what it needs of lanes and workers, for any number of runs at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pulser.engine.states import RunStatus, StepStatus
from runs.models import Lane, Run, Worker

NAMED = 2  # steps named; the rest is counted


class StepView(Protocol):
    """A step as far as its waiting is concerned: the model, or what a card keeps of it."""

    @property
    def key(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def next_attempt_at(self) -> datetime | None: ...
    @property
    def deadline_at(self) -> datetime | None: ...
    @property
    def wait_role(self) -> str: ...
    @property
    def wait_message(self) -> str: ...


@dataclass(frozen=True, slots=True)
class WaitingReason:
    """A reason in a few words, and the moment that it counts down to, where one is known."""

    text: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane's load. `queue`: the runs that are its next ones, in their order; of a long queue only the beginning."""

    name: str
    used: int
    limit: int
    queued: int = 0
    is_paused: bool = False
    paused_by: str = ""
    reason: str = ""
    queue: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Capacity:
    """The lanes by their ids, and whether any worker is alive."""

    lanes: Mapping[int, LaneState] = field(default_factory=dict)
    has_workers: bool = True


def waiting_reason(run: Run, steps: Iterable[StepView], *, room: Capacity) -> WaitingReason | None:
    """Why a queued or waiting run does not run, or a running one stands still; None when there is nothing to say."""
    if run.status == RunStatus.QUEUED:
        lane = room.lanes.get(run.lane_id)
        return _why_queued(run, lane, room) if lane else None
    if run.status == RunStatus.WAITING:
        return why_waiting(steps)
    return _why_idle(list(steps), room) if run.status == RunStatus.RUNNING else None


def _why_queued(run: Run, lane: LaneState, room: Capacity) -> WaitingReason:
    if lane.is_paused:
        by = f" by {lane.paused_by}" if lane.paused_by else ""
        return WaitingReason(f"lane {lane.name} is paused{by}" + (f": {lane.reason}" if lane.reason else ""))
    if not room.has_workers:
        return WaitingReason("no workers online")
    place = _place(run, lane)
    if lane.used >= lane.limit:
        return WaitingReason(f"lane {lane.name} is full ({lane.used} of {lane.limit}); {place}")
    return WaitingReason(place)


def _place(run: Run, lane: LaneState) -> str:
    if run.pk not in lane.queue:
        return f"one of {lane.queued} in queue" if lane.queued > len(lane.queue) else "queued"
    place = lane.queue.index(run.pk) + 1
    return "next in queue" if place == 1 else f"{_ordinal(place)} in queue"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def why_waiting(steps: Iterable[StepView]) -> WaitingReason | None:
    """A person first, since they are the one who can do something; else what is due first."""
    shown = list(steps)
    waiting = [step for step in shown if step.status == StepStatus.WAITING]
    for step in waiting:
        if step.wait_role:
            return WaitingReason(f"for {step.wait_role}: {step.wait_message or step.key}", step.deadline_at)
    due = [(step.next_attempt_at, f"{step.key}: retry") for step in shown if step.status == StepStatus.BACKOFF]
    due += [(step.deadline_at, step.key) for step in waiting]
    known = [(at, text) for at, text in due if at]
    return WaitingReason(min(known)[1], min(known)[0]) if known else None


def _why_idle(steps: Sequence[StepView], room: Capacity) -> WaitingReason | None:
    """Of a run that holds a slot while none of its steps is worked on."""
    if any(step.status == StepStatus.RUNNING for step in steps):
        return None
    queued = [step.key for step in steps if step.status == StepStatus.QUEUED]
    if not queued:
        return why_waiting(steps)
    more = f" and {len(queued) - NAMED} more" if len(queued) > NAMED else ""
    named = ", ".join(queued[:NAMED]) + more
    return WaitingReason(f"{named}: " + ("waiting for a free worker" if room.has_workers else "no workers online"))


def read_capacity(lane_ids: Iterable[int] | None = None) -> Capacity:
    """The room as it is now, with these lanes or with all. Two queries, none when no lane is asked for."""
    wanted = None if lane_ids is None else list(lane_ids)
    if wanted == []:
        return Capacity()
    lanes = Lane.objects.with_load().with_queue()
    return capacity_of(lanes if wanted is None else lanes.filter(pk__in=wanted))


def capacity_of(lanes: Iterable[Lane]) -> Capacity:
    """The room with lanes that were read `with_load` and `with_queue`. One query, for the workers."""
    states = {lane.pk: _state_of(lane) for lane in lanes}
    return Capacity(states, has_workers=Worker.objects.alive().exists())


def _state_of(lane: Any) -> LaneState:
    return LaneState(
        name=lane.name,
        used=lane.used,
        limit=lane.limit,
        queued=lane.queued,
        is_paused=lane.paused,
        paused_by=lane.paused_by,
        reason=lane.paused_reason,
        queue=tuple(lane.queue),
    )


def waiting_reasons_by_run(
    runs: Iterable[Run], steps: Mapping[Any, Sequence[StepView]], *, room: Capacity | None = None
) -> dict[Any, WaitingReason]:
    """The reason for each of these runs that has one, by its id. `room`: when it was read already."""
    asked = [run for run in runs if not run.is_finished]
    if room is None:
        room = read_capacity({run.lane_id for run in asked if run.status != RunStatus.WAITING})
    found = {run.pk: waiting_reason(run, steps.get(run.pk, ()), room=room) for run in asked}
    return {pk: why for pk, why in found.items() if why}
