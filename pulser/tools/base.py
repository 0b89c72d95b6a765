"""The contract between the worker and a tool: plain arguments and a context in, plain outputs out, or a `ToolError`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pulser.language.catalogue import ErrorClass, ToolSpec

Outputs = dict[str, Any]


class ToolError(Exception):
    """The tool could not do its work. The class says whether another attempt may help."""

    error_class = ErrorClass.FAILED

    def __init__(self, message: str, *, exit_code: int | None = None, outputs: Outputs | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.outputs = outputs or {}


class TransientError(ToolError):
    """Network, busy, 5xx: the same call may work in a moment."""

    error_class = ErrorClass.TRANSIENT


class TimedOut(ToolError):
    """The step's time was over before the tool was done."""

    error_class = ErrorClass.TIMEOUT


class FailedError(ToolError):
    """The tool ran and says no: a non-zero exit, a status that was not expected."""


class PermanentError(ToolError):
    """Bad input, refused sign-in, missing resource: the same call cannot work."""

    error_class = ErrorClass.PERMANENT


class Cancelled(Exception):
    """The run was cancelled while the tool worked; the tool has ended what it started."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """A step that goes on waiting without a worker: until a time, or until a person decides.

    `until`: absolute, aware. `for_s`: seconds from now by the database's clock. Exactly one of both is set.
    `role`: who may decide; None for a timer. `on_timeout`: `succeed` (a timer), `approve` or `reject`.
    """

    kind: str  # "timer" or "approval"
    until: datetime | None = None
    for_s: float | None = None
    role: str | None = None
    message: str = ""
    on_timeout: str = "succeed"


@dataclass(slots=True)
class ToolContext:
    """What a tool may know and do beside its arguments.

    `timeout_s` is what is left of the step's time. `write(stream, data)` takes output as it comes (`stdout`,
    `stderr`). `cancelled` is set when the run is cancelled; a tool that blocks looks at it at least each 0.2 s.
    `started_group` tells the worker the process group id of a child, so that a later attempt can kill what is left.
    `declared` are the step's own outputs: name -> JSON Schema. `progress(done, total)` says how far the work is; it may
    be called as often as one likes, and never raises. `run_id` is the run that the step belongs to.
    """

    workdir: Path
    timeout_s: float
    idempotency_key: str
    write: Callable[[str, bytes], None] = lambda stream, data: None
    cancelled: threading.Event = field(default_factory=threading.Event)
    started_group: Callable[[int], None] = lambda pgid: None
    declared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: str = "dev"
    settings: Mapping[str, Any] = field(default_factory=dict)
    progress: Callable[[int, int], None] = lambda done, total: None
    run_id: str = ""


class Tool(Protocol):
    """One typed action. `spec` describes it; `call` does it and need not check what the spec's schema did."""

    spec: ToolSpec

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Outputs | Suspension:
        """Do the work. Raises ToolError or Cancelled."""
        ...
