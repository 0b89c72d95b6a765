"""How an attempt ended, and what is reported beside it.

Whether another attempt follows a failure is not the runner's business: it reports `Failed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulser.engine.outcomes import Failed, Stopped, Success, Suspended


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker is stopping, and the tool has ended for it: another worker takes the step."""


RunnerOutcome = Success | Failed | Suspended | Stopped | HandedBack


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

    @property
    def columns(self) -> dict[str, Any]:
        """What the attempt's row keeps of it."""
        return {"exit_code": self.exit_code, "log_bytes": self.log_bytes, "log_cut": self.log_cut}
