"""How long a run is expected to take: as long as the last successful runs of its plan."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, OuterRef

from pulser.engine.states import RunStatus
from pulser.models import PlanVersion
from runs.models import Run

RUNS_LOOKED_AT = 20  # of a plan
VERSIONS_LOOKED_AT = 50  # of a plan, the latest
KEPT_S = 10.0  # in each process

_kept: dict[int, tuple[float, float | None]] = {}  # plan -> until when, and the seconds


def expected_durations(plan_ids: Iterable[int]) -> dict[int, float]:
    """Seconds from start to end by the plan's id: the median of its last successful runs, archived or not.

    A plan that has none is not there. One query for all plans that were not asked for lately.
    """
    now = time.monotonic()
    wanted = set(plan_ids)
    missing = {plan for plan in wanted if _kept.get(plan, (0.0, None))[0] <= now}
    if missing:
        measured = _measured(missing)
        _kept.update({plan: (now + KEPT_S, measured.get(plan)) for plan in missing})
    known = ((plan, _kept[plan][1]) for plan in wanted)
    return {plan: seconds for plan, seconds in known if seconds is not None}


def forget() -> None:
    """Measure anew when asked the next time."""
    _kept.clear()


def _measured(plan_ids: Iterable[int]) -> Mapping[int, float]:
    """The last runs of each version come from the index in their order; of these the last of the plan are taken."""
    successes = Run.objects.in_status(RunStatus.SUCCESS).filter(plan_version=OuterRef("pk"))
    ids = ArraySubquery(successes.newest_first().values("pk")[:RUNS_LOOKED_AT])
    versions = PlanVersion.objects.filter(plan__in=plan_ids, number__gt=F("plan__latest__number") - VERSIONS_LOOKED_AT)
    last = Run.objects.filter(pk__in=versions.order_by().values_list(Func(ids, function="unnest", set_returning=True)))
    took: dict[int, list[float]] = {}
    rows = last.newest_first().values_list("plan_version__plan", "started_at", "finished_at", "rested_s")
    for plan, started_at, finished_at, rested_s in rows:
        if started_at and finished_at:
            took.setdefault(plan, []).append((finished_at - started_at).total_seconds() - rested_s)
    return {plan: statistics.median(seconds[:RUNS_LOOKED_AT]) for plan, seconds in took.items()}
