"""How an attempt ended, as values, and what is reported beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pulser.language.catalogue import ErrorClass


@dataclass(frozen=True, slots=True)
class Success:
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Whether another attempt follows is not the runner's business."""

    error_class: ErrorClass
    message: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """The step waits without a runner: `for_s` seconds, or `until` a time."""

    kind: str
    on_timeout: str
    for_s: float | None = None
    until: datetime | None = None
    role: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was cancelled, or the claim was lost, and the tool has ended."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker is stopping, and the tool has ended for it: another worker takes the step."""


Outcome = Success | Failure | Suspended | Stopped | HandedBack


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """A verifier's judgement of this step."""

    verifier: str
    passed: bool
    required: bool
    message: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file that the step left, measured. `sha256` in hex."""

    name: str
    kind: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An artifact whose content is kept. `location`: what the reporter calls the place."""

    file: ArtifactFile
    location: str


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """How an attempt went, beside its outcome."""

    exit_code: int | None = None
    verdicts: tuple[StepVerdict, ...] = ()
    files: tuple[StoredFile, ...] = ()
    log_bytes: int = 0
    log_cut: bool = False
