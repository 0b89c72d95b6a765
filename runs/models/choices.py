"""Status words as Django choices; the words themselves stand in `pulser.engine.states`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pulser.engine.states import RunStatus, StepStatus


def choices_of(words: type[StrEnum]) -> list[tuple[str, str]]:
    return [(word.value, word.value.capitalize()) for word in words]


def status_values(statuses: Iterable[StrEnum]) -> list[str]:
    """Plain text for constraints, so that migrations import nothing of ours."""
    return sorted(status.value for status in statuses)


RUN_STATUSES = choices_of(RunStatus)
STEP_STATUSES = choices_of(StepStatus)
ENVIRONMENTS = [("dev", "dev"), ("staging", "staging"), ("prod", "prod")]
ARTIFACT_KINDS = [(kind, kind) for kind in ("markdown", "table", "image", "link", "diff", "file")]
