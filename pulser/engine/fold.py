"""The state of a run from its events: the log is complete, so any moment of a run can be shown again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulser.engine.states import RUN_MOVES, STEP_MOVES, RunStatus, StepStatus


@dataclass(slots=True)
class StepState:
    status: str = StepStatus.PENDING.value
    attempt: int = 0
    reason: str = ""
    outputs: Any = None


@dataclass(slots=True)
class RunState:
    status: str = RunStatus.QUEUED.value
    seq: int = 0
    retry_count: int = 0
    cancel_requested: bool = False
    archived: bool = False
    steps: dict[str, StepState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the fold reads it."""

    seq: int
    kind: str
    step: str = ""
    attempt: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


RUN_TARGETS = {move.event: move.target for move in RUN_MOVES.values()}
STEP_TARGETS = {move.event: move.target for move in STEP_MOVES.values() if move.event.startswith("step.")}


def fold(events: Iterable[Entry]) -> RunState:
    """The run as of the last of these events. They begin with the first, in order, without gaps: else ValueError."""
    state = RunState()
    for event in events:
        if event.seq != state.seq + 1:
            raise ValueError(f"event {state.seq + 1} is missing: {event.seq} follows {state.seq}")
        state.seq = event.seq
        _apply(state, event)
    return state


def _apply(state: RunState, event: Entry) -> None:
    if event.kind == "run.queued":
        state.steps = {key: StepState() for key in event.data["steps"]}
    if event.kind == "run.retried":
        _reset(state, event)
    if event.kind in RUN_TARGETS:
        state.status = RUN_TARGETS[event.kind]
        state.cancel_requested &= event.kind != "run.retried"
    if event.kind == "run.cancel_requested":
        state.cancel_requested = True
    if event.kind in ("run.archived", "run.unarchived"):
        state.archived = event.kind == "run.archived"
    if event.kind in STEP_TARGETS:
        _apply_to_step(state, event)


def _reset(state: RunState, event: Entry) -> None:
    for key in event.data["steps"]:
        state.steps[key] = StepState(attempt=state.steps[key].attempt)


def _apply_to_step(state: RunState, event: Entry) -> None:
    step = state.steps[event.step]
    step.status = STEP_TARGETS[event.kind]
    step.reason = str(event.data.get("reason", ""))
    if event.kind == "step.claimed" and event.attempt is not None:
        state.retry_count += event.attempt > 1
        step.attempt = event.attempt
    if event.kind == "step.succeeded":
        step.outputs = event.data["outputs"]
