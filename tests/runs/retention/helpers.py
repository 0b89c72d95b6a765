"""Runs that ended long ago."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from runs.models import Run
from runs.retention.pruning import Removed, RemovedCount, artifacts_root, moment_before, prune
from tests.factories import make_run

DAY_S = 86_400.0


def ended(days_ago: float, *, status: str = "success", **fields: Any) -> Run:
    """A run that ended so many days ago, and was made a day before, as its id says as well."""
    return grow_old(make_run(status=status, **fields), days_ago)


def grow_old(run: Run, days: float) -> Run:
    """As if it had been made, and had ended if it has, so many days ago. The id changes: it begins with the time."""
    new = uuid7(timestamp=int((timezone.now() - timedelta(days=days + 1)).timestamp()))
    moments = {"created_at": timezone.now() - timedelta(days=days + 1)}
    if run.finished_at:
        moments["finished_at"] = timezone.now() - timedelta(days=days)
    with transaction.atomic(), connection.cursor() as cursor:
        Run.objects.filter(pk=run.pk).update(**moments)
        for table in ("step", "event", "artifact", "delivery"):
            cursor.execute(f"UPDATE runs_{table} SET run_id = %s WHERE run_id = %s", [new, run.pk])
        cursor.execute("UPDATE runs_run SET id = %s WHERE id = %s", [new, run.pk])
    for root in (Path(settings.WORK_DIR), artifacts_root()):
        if (root / str(run.pk)).exists():
            (root / str(run.pk)).rename(root / str(new))
    return Run.objects.get(pk=new)


def pruned(days: float = 90, *, dry_run: bool = False) -> Removed:
    """Prune what ended so many days ago to the end; what went, without what did not."""
    return added(prune(moment_before(days * DAY_S), dry_run=dry_run))


def added(batches: Iterable[Removed]) -> Removed:
    total: Removed = {}
    for batch in batches:
        for name, tally in batch.items():
            total[name] = total.get(name, RemovedCount()) + tally
    return {name: tally for name, tally in total.items() if tally.rows}
