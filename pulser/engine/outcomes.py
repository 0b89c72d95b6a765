"""How a step's attempt, its waiting or the step itself may come out. Each outcome is a value that knows its move.

`move` names an arrow of `STEP_MOVES`, `columns` are what it writes on the step, `fact` is what the engine is told (None
while the step has not ended), `attempt` closes its attempt, and `events` say it in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pulser.engine.advance import EndedStep
from pulser.engine.states import STEP_MOVES, StepStatus
from pulser.engine.times import Ahead
from pulser.language.catalogue import ErrorClass
from pulser.language.limits import APPROVAL_TIMEOUT_S

REASON_CHARS = 500
LOST = "lost"  # the kind of waiting of a step that was parked
NO_LONGER_WAITING: Mapping[str, Any] = {"next_attempt_at": None, "deadline_at": None, "wait_role": ""}
EventData = tuple[str, Mapping[str, Any]]
"""The kind of an event, and its data."""


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt is closed. One that `waits` has no worker any more; whoever ends the waiting closes it."""

    outcome: str = ""
    error_class: str = ""
    message: str = ""
    waits: bool = False


class Outcome:
    """The base of all. `name` is the word for it in the log."""

    __slots__ = ()
    move: ClassVar[str]
    name: ClassVar[str]

    @property
    def columns(self) -> Mapping[str, Any]:
        raise NotImplementedError

    @property
    def fact(self) -> EndedStep | None:
        return None

    @property
    def attempt(self) -> AttemptEnd:
        raise NotImplementedError

    def events(self, *, exit_code: int | None = None, until: str = "") -> list[EventData]:
        """`until`: its deadline, for one whose attempt waits."""
        return [(STEP_MOVES[self.move].event, self._data(exit_code=exit_code, until=until))]

    def in_ending_run(self) -> Outcome:
        """What it becomes in a run that is being ended, where no pause begins and nobody is asked."""
        return self

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        """The data of its move's event."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Success(Outcome):
    """The attempt did what was asked."""

    move: ClassVar[str] = "succeed"
    name: ClassVar[str] = "success"
    outputs: Mapping[str, Any]

    @property
    def columns(self) -> Mapping[str, Any]:
        return {"outputs": dict(self.outputs), "reason": "", "cause": ""}

    @property
    def fact(self) -> EndedStep:
        return EndedStep(StepStatus.SUCCESS, "", self.outputs)

    @property
    def attempt(self) -> AttemptEnd:
        return AttemptEnd("success")

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        return {"outputs": self.outputs}


@dataclass(frozen=True, slots=True)
class Completed(Success):
    """What a waiting step waited for has come: a person said yes, or its time is over."""

    move: ClassVar[str] = "complete"

    @property
    def columns(self) -> Mapping[str, Any]:
        return {"outputs": dict(self.outputs), "reason": "", "cause": "", **NO_LONGER_WAITING}


@dataclass(frozen=True, slots=True)
class Failed(Outcome):
    """The attempt failed, and none follows."""

    move: ClassVar[str] = "fail"
    name: ClassVar[str] = "failure"
    error_class: ErrorClass
    message: str

    @property
    def reason(self) -> str:
        return self.message[:REASON_CHARS]

    @property
    def columns(self) -> Mapping[str, Any]:
        return {"reason": self.reason, "cause": self.error_class.value}

    @property
    def fact(self) -> EndedStep | None:
        return EndedStep(StepStatus.ERROR)

    @property
    def attempt(self) -> AttemptEnd:
        return AttemptEnd("error", self.error_class.value, self.message)

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        return {"reason": self.reason, "error_class": self.error_class.value, "exit_code": exit_code}


@dataclass(frozen=True, slots=True)
class Refused(Failed):
    """A step that does not run ends in error: rejected, not to be judged, or out of attempts."""

    move: ClassVar[str] = "refuse"

    @property
    def columns(self) -> Mapping[str, Any]:
        return {"reason": self.reason, "cause": self.error_class.value, **NO_LONGER_WAITING}


@dataclass(frozen=True, slots=True)
class BackedOff(Outcome):
    """The attempt failed, and another one follows after `delay` seconds."""

    move: ClassVar[str] = "back_off"
    name: ClassVar[str] = "failure"
    error_class: ErrorClass
    message: str
    delay: float

    @property
    def columns(self) -> Mapping[str, Any]:
        return {**self.in_ending_run().columns, "next_attempt_at": Ahead(self.delay)}

    @property
    def attempt(self) -> AttemptEnd:
        return self.in_ending_run().attempt

    def in_ending_run(self) -> Failed:
        return Failed(self.error_class, self.message)

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        said = self.in_ending_run()._data(exit_code=exit_code, until=until)
        return {**said, "delay_s": round(self.delay, 3)}


def failure(error_class: ErrorClass, message: str, *, delay: float | None = None) -> Failed | BackedOff:
    """A failed attempt. `delay`: seconds until the next one, None when there is none."""
    return Failed(error_class, message) if delay is None else BackedOff(error_class, message, delay)


@dataclass(frozen=True, slots=True)
class Suspended(Outcome):
    """The step waits without a worker, `for_s` seconds or `until` a moment."""

    move: ClassVar[str] = "suspend"
    name: ClassVar[str] = "suspended"
    kind: str
    on_timeout: str
    for_s: float | None = None
    until: datetime | None = None
    role: str = ""
    message: str = ""

    @property
    def columns(self) -> Mapping[str, Any]:
        return {
            "deadline_at": self.until or Ahead(self.for_s or APPROVAL_TIMEOUT_S),
            "wait_kind": self.kind,
            "wait_role": self.role,
            "wait_message": self.message,
            "on_timeout": self.on_timeout,
            "reason": "",
            "cause": self.kind,
        }

    @property
    def attempt(self) -> AttemptEnd:
        return AttemptEnd(waits=True)

    def events(self, *, exit_code: int | None = None, until: str = "") -> list[EventData]:
        told = [(STEP_MOVES[self.move].event, self._data(exit_code=exit_code, until=until))]
        if self.role:
            asked = {"role": self.role, "message": self.message, "until": until, "on_timeout": self.on_timeout}
            told.append(("approval.requested", asked))
        return told

    def in_ending_run(self) -> Outcome:
        return Stopped()

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        return {"wait": self.kind, "until": until}


@dataclass(frozen=True, slots=True)
class Parked(Suspended):
    """No machine may decide about a step whose attempt was lost or given up: an operator is asked."""

    move: ClassVar[str] = "park"

    @classmethod
    def because(cls, reason: str) -> Parked:
        return cls(LOST, "reject", for_s=APPROVAL_TIMEOUT_S, role="operator", message=reason)

    @property
    def columns(self) -> Mapping[str, Any]:
        return {**super(Parked, self).columns, "reason": self.message}  # slots take super() without arguments away

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        return {"reason": self.message, "role": self.role}


@dataclass(frozen=True, slots=True)
class Stopped(Outcome):
    """The run was cancelled and the tool has ended."""

    move: ClassVar[str] = "stop"
    name: ClassVar[str] = "stopped"
    reason: str = "the run was cancelled"

    @property
    def columns(self) -> Mapping[str, Any]:
        return {"reason": self.reason, "cause": "cancel"}

    @property
    def fact(self) -> EndedStep:
        return EndedStep(StepStatus.CANCELLED)

    @property
    def attempt(self) -> AttemptEnd:
        return AttemptEnd("cancelled")

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        return {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class Cancelled(Stopped):
    """The run was cancelled, and no worker is asked: nobody holds the step, or who does is not heard any more."""

    move: ClassVar[str] = "cancel"

    @property
    def columns(self) -> Mapping[str, Any]:
        return {"reason": self.reason, "cause": "cancel", **NO_LONGER_WAITING}

    @property
    def attempt(self) -> AttemptEnd:
        return AttemptEnd("cancelled", message=self.reason)


@dataclass(frozen=True, slots=True)
class Skipped(Outcome):
    """The step is passed over. `cause` is one word for programs, `reason` a phrase for people."""

    move: ClassVar[str] = "skip"
    name: ClassVar[str] = "skipped"
    cause: str
    reason: str

    @property
    def columns(self) -> Mapping[str, Any]:
        return {"cause": self.cause, "reason": self.reason[:REASON_CHARS]}

    @property
    def fact(self) -> EndedStep:
        return EndedStep(StepStatus.SKIPPED, self.cause)

    @property
    def attempt(self) -> AttemptEnd:
        return AttemptEnd()  # it has none

    def _data(self, *, exit_code: int | None, until: str) -> Mapping[str, Any]:
        return {"cause": self.cause, "reason": self.reason[:REASON_CHARS]}
