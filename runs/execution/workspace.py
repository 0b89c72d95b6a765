"""Where the workspaces of runs lie, and whether one was in use."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db.models import Q

from runs.models import Attempt


def workspace_of(run_id: str) -> Path:
    """The run's own folder; whether or not it is there."""
    return Path(settings.WORK_DIR) / run_id


def has_worked(run_id: str) -> bool:
    """Whether a step of the run had a workspace before: it did its work, or started a program."""
    attempts = Attempt.objects.filter(step__run_id=run_id)
    return attempts.filter(Q(outcome="success") | Q(process_group__isnull=False)).exists()
