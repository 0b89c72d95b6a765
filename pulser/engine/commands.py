"""What the engine asks for. Each command is carried out by one move."""

from __future__ import annotations

from dataclasses import dataclass

from pulser.engine.states import RunStatus


@dataclass(frozen=True, slots=True)
class Release:
    """Let a pending step queue."""

    key: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Pass over a pending step. `cause` is one word for programs, `reason` a phrase for people."""

    key: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """End a pending step in error: its `if` cannot be judged."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can run now: give the lane's slot back."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over."""

    status: RunStatus
    reason: str = ""


Command = Release | Skip | Refuse | Wait | Finish
