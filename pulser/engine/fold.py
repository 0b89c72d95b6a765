"""The state of a run from its events: the log is complete, so any moment of a run can be shown again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pulser.engine.states import RUN_ENDED, RUN_STATUS_TOLD, STEP_STATUS_TOLD, RunStatus, StepStatus

# A step's status in one word: given by the kind of its event, or told in this field of it.
CAUSES = {
    "step.succeeded": "",
    "step.lost": "lost",
    "step.parked": "lost",
    "step.handed_back": "handed_back",
    "step.cancelled": "cancel",
}
CAUSES_IN_DATA = {"step.failed": "error_class", "step.backed_off": "error_class", "step.suspended": "wait"}
# Events of a step that end no attempt.
KINDS_OUTSIDE_ATTEMPTS = frozenset({"step.queued", "step.claimed", "step.suspended", "step.parked", "step.skipped"})


@dataclass(slots=True)
class AttemptState:
    """One try. `finished_at` is the time of the event that ended it; `is_open` holds where events carry no times."""

    cause: str = ""
    worker: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    is_open: bool = True


@dataclass(slots=True)
class StepState:
    """`outputs_seq` is the event that gave its outputs, for a log that was read without them."""

    status: str = StepStatus.PENDING.value
    attempt: int = 0
    reason: str = ""
    outputs: Any = None
    outputs_seq: int = 0
    cause: str = ""
    queued_at: datetime | None = None
    next_attempt_at: datetime | None = None
    deadline_at: datetime | None = None
    wait_kind: str = ""
    wait_role: str = ""
    wait_message: str = ""
    on_timeout: str = ""
    progress_done: int | None = None
    progress_total: int | None = None
    attempts: dict[int, AttemptState] = field(default_factory=dict)


@dataclass(slots=True)
class RunState:
    """`artifacts` are named by step, attempt and file; `verdicts` are counted by step and attempt."""

    status: str = RunStatus.QUEUED.value
    seq: int = 0
    retry_count: int = 0
    cancel_requested: bool = False
    archived: bool = False
    steps: dict[str, StepState] = field(default_factory=dict)
    reason: str = ""
    stop: str = ""
    cancel_count: int = 0
    result: Any = None
    result_seq: int = 0
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    rested_s: float = 0.0
    archived_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    artifacts: set[tuple[str, int, str]] = field(default_factory=set)
    verdicts: Counter[tuple[str, int]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as the fold reads it."""

    seq: int
    kind: str
    step: str = ""
    attempt: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


def fold_events(events: Iterable[LoggedEvent], *, is_whole: bool = True) -> RunState:
    """The run as of the last of these events. They begin with the first, in order, without gaps: else ValueError.

    `is_whole=False`: of a step's events of one kind all but the last may be missing. Nothing is counted then, and of
    its attempts the last alone is sure to be there.
    """
    state = RunState()
    for event in events:
        if is_whole and event.seq != state.seq + 1:
            raise ValueError(f"event {state.seq + 1} is missing: {event.seq} follows {state.seq}")
        state.seq = event.seq
        _apply(state, event)
    return state


def _apply(state: RunState, event: LoggedEvent) -> None:
    if event.kind == "run.queued":
        state.steps = {key: StepState() for key in event.data["steps"]}
        state.queued_at = event.at
    if event.kind == "run.retried":
        _reset(state, event)
    if event.kind in RUN_STATUS_TOLD:
        _apply_to_run(state, event)
    if event.kind == "run.cancel_requested":
        _apply_end(state, event)
    if event.kind in ("run.archived", "run.unarchived"):
        state.archived = event.kind == "run.archived"
        state.archived_at = event.at if state.archived else None
    if event.kind in STEP_STATUS_TOLD:
        _apply_to_step(state, event)
    if event.kind == "approval.requested":
        _ask(state.steps[event.step], event)
    if event.kind == "step.progressed":
        step = state.steps[event.step]
        step.progress_done, step.progress_total = event.data.get("done"), event.data.get("total")
    _keep(state, event)


def _reset(state: RunState, event: LoggedEvent) -> None:
    for key in event.data["steps"]:
        step = state.steps[key]
        state.steps[key] = StepState(attempt=step.attempt, attempts=step.attempts)
    state.stop, state.cancel_count, state.cancel_requested_at = "", 0, None
    if state.started_at and state.finished_at and event.at:
        state.rested_s += (event.at - state.finished_at).total_seconds()


def _apply_to_run(state: RunState, event: LoggedEvent) -> None:
    state.status = RUN_STATUS_TOLD[event.kind]
    state.cancel_requested &= event.kind != "run.retried"
    is_over = state.status in RUN_ENDED
    state.finished_at = event.at if is_over else None
    state.reason = str(event.data.get("reason", ""))
    state.result, state.result_seq = event.data.get("result"), event.seq if event.kind == "run.succeeded" else 0
    if event.kind == "run.started":
        state.started_at = state.started_at or event.at
    if state.status == RunStatus.QUEUED:
        state.queued_at = event.at


def _apply_end(state: RunState, event: LoggedEvent) -> None:
    """Somebody, or the plan's timeout, asked for the run's end."""
    state.cancel_requested, state.cancel_requested_at = True, event.at
    state.stop = str(event.data.get("stop", "cancel"))
    state.cancel_count = 1 if event.data.get("finally") else 2


def _apply_to_step(state: RunState, event: LoggedEvent) -> None:
    step, data = state.steps[event.step], event.data
    step.status = STEP_STATUS_TOLD[event.kind]
    step.reason = str(data.get("reason", ""))
    step.cause = _cause(step, event)
    if event.kind == "step.claimed" and event.attempt is not None:
        state.retry_count += event.attempt > 1
        step.attempt, step.progress_done, step.progress_total = event.attempt, None, None
        said = str(data.get("cause", "")), str(data.get("worker", ""))
        step.attempts[event.attempt] = AttemptState(*said, started_at=event.at)
    if event.kind == "step.succeeded":
        step.outputs, step.outputs_seq = data.get("outputs"), event.seq
    if event.kind not in KINDS_OUTSIDE_ATTEMPTS:
        _close(step.attempts.get(step.attempt), event)
    _wait(step, event)


def _cause(step: StepState, event: LoggedEvent) -> str:
    """Its status in one word, as the step's row has it."""
    if event.kind == "step.claimed":
        return step.cause
    if event.kind in CAUSES:
        return CAUSES[event.kind]
    return str(event.data.get(CAUSES_IN_DATA.get(event.kind, "cause"), ""))


def _close(attempt: AttemptState | None, event: LoggedEvent) -> None:
    """It has ended, unless it had before."""
    if attempt and attempt.is_open:
        attempt.is_open, attempt.finished_at = False, event.at


def _wait(step: StepState, event: LoggedEvent) -> None:
    """What the step waits for, and until when. Each word of a step ends its waiting, but for those that begin it."""
    step.next_attempt_at = step.deadline_at = None
    step.wait_role = ""
    if event.kind in ("step.queued", "step.lost", "step.handed_back"):
        step.queued_at = event.at
    if event.kind == "step.backed_off" and event.at:
        step.next_attempt_at = event.at + timedelta(seconds=float(event.data.get("delay_s", 0)))
    if event.kind == "step.suspended":
        step.wait_kind, step.wait_message, step.on_timeout = str(event.data.get("wait", "")), "", "succeed"
        step.deadline_at = _moment(event.data.get("until"))
    if event.kind == "step.parked":
        step.wait_kind, step.wait_role, step.on_timeout = "lost", str(event.data.get("role", "")), "reject"
        step.wait_message = step.reason


def _ask(step: StepState, event: LoggedEvent) -> None:
    step.wait_role, step.wait_message = str(event.data.get("role", "")), str(event.data.get("message", ""))
    step.on_timeout, step.deadline_at = str(event.data.get("on_timeout", "")), _moment(event.data.get("until"))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _keep(state: RunState, event: LoggedEvent) -> None:
    """What an attempt leaves beside its outcome."""
    where = (event.step, event.attempt or 0)
    if event.kind == "artifact.created":
        state.artifacts.add((*where, str(event.data.get("name", ""))))
    if event.kind == "proof.recorded":
        state.verdicts[where] += 1
