"""Pieces of logs in the order in which they were stored, for programs that read on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Max, OuterRef, QuerySet, Subquery

from runs.models import Attempt, LogChunk
from runs.queries.logs.scope import settled


def log_chunks(run_id: Any, *, after: int = 0) -> QuerySet[LogChunk]:
    """The chunks of a run with ids beyond `after`, in order, each with its attempt and step.

    `settled` tells whether all chunks before it can be seen too: whoever reads on from the last id stops at the first
    that is not.
    """
    chunks = LogChunk.objects.filter(attempt__step__run_id=run_id, pk__gt=after)
    return chunks.annotate(settled=settled()).select_related("attempt__step").order_by("pk")


def last_log_ids(run_ids: Iterable[Any]) -> dict[Any, int]:
    """The newest chunk's id of each run that has any. One index descent for each attempt."""
    newest = LogChunk.objects.filter(attempt=OuterRef("pk")).order_by("-offset").values("pk")[:1]
    attempts = Attempt.objects.filter(step__run__in=list(run_ids)).annotate(newest=Subquery(newest))
    rows = attempts.order_by().values_list("step__run_id").annotate(last=Max("newest"))
    return {run_id: last for run_id, last in rows if last is not None}
