"""The contract between the worker and a verifier: a step's result in, a verdict with its evidence out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pulser.language.catalogue import VerifierSpec


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step left: its outputs, its exit code where it has one, and the run's workspace."""

    outputs: Mapping[str, Any]
    workdir: Path
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement. `evidence` is JSON that a reader can check; `message` says what was expected and found."""

    passed: bool
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)


class Verifier(Protocol):
    """One judge. `spec` describes it; `judge` gets a config that the spec's schema has already checked."""

    spec: VerifierSpec

    def judge(self, config: Any, *, result: StepResult) -> Verdict:
        """Judges, and never raises for a result that it does not like."""
        ...
