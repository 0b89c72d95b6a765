"""Cleaning: the folder that a run's steps shared is not needed for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.db import transaction

from runs.retention import folders
from runs.sql import column

RETRY_FACTOR = 7  # a run that can be retried keeps its files so many times as long as one that succeeded

# The lock holds off a retry until the folder is away; what is locked is busy, and can wait for the next round.
IDLE = """
SELECT id::text FROM runs_run WHERE id = ANY(%(run_ids)s::uuid[]) AND finished_at
  < clock_timestamp() - %(keep_s)s::float8 * interval '1 second'
    * CASE status WHEN 'success' THEN 1 ELSE %(factor)s::float8 END
FOR UPDATE SKIP LOCKED"""


def clean_workspaces(root: Path, *, keep_s: float, born_before: datetime) -> Iterator[int]:
    """Discard the workspaces of runs that ended `keep_s` ago (the factor for those that did not succeed), and of runs
    that are gone. `born_before`: that moment, as the database sees it. Yields how many, after each chunk."""
    for run_ids in folders.run_folders(root, born_before=born_before):
        yield _clean(root, run_ids, keep_s) if run_ids else 0


def _clean(root: Path, run_ids: list[str], keep_s: float) -> int:
    with transaction.atomic():
        idle = column(IDLE, {"run_ids": run_ids, "keep_s": keep_s, "factor": RETRY_FACTOR})
        return sum(folders.move_to_trash(root, run_id) for run_id in [*idle, *folders.unknown_run_ids(run_ids)])
