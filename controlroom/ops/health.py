"""Is it alive, and does it take work? `/readyz` looks for progress, not for processes: sweeps, answered probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from runs import hints
from runs.models.worker import ALIVE_S, IS_ALIVE

SWEEP_WITHIN_S = 15.0
ANSWER_WITHIN_S = 30.0

SWEEP = "SELECT extract(epoch FROM clock_timestamp() - finished_at)::float FROM runs_duty WHERE name = 'sweep'"

WORKERS = f"""
SELECT name, slots, answered_at IS NOT NULL,
       extract(epoch FROM clock_timestamp() - greatest(started_at, answered_at, full_at))::float,
       (SELECT count(*) FROM runs_attempt
        WHERE worker = name AND finished_at IS NULL AND lease_expires > clock_timestamp()),
       {IS_ALIVE}
FROM runs_worker ORDER BY name
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be well. `detail` says how it is, or what is wrong and what to look at."""

    name: str
    ok: bool
    detail: str


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The web process answers. Touches nothing else."""
    return HttpResponse("alive\n", content_type="text/plain; charset=utf-8")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """`{"ready": ..., "checks": {NAME: {"ok", "detail"}}}`; 503 while any check is not well."""
    checks = run_checks()
    ready = all(check.ok for check in checks)
    said = {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}
    return JsonResponse({"ready": ready, "checks": said}, status=200 if ready else 503)


def run_checks() -> list[Check]:
    """All checks, in the order in which a fault spreads. Four queries at most."""
    database = _database()
    if not database.ok:
        return [database, _redis(), *(Check(name, ok=False, detail="unknown") for name in ("sweep", "workers"))]
    return [database, _redis(), _sweep(), _workers()]


def _database() -> Check:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as error:
        return Check("database", ok=False, detail=f"PostgreSQL does not answer: {type(error).__name__}")
    return Check("database", ok=True, detail="answers")


def _redis() -> Check:
    try:
        hints.redis_client().ping()
    except (RedisError, OSError) as error:
        return Check("redis", ok=False, detail=f"Redis does not answer: {type(error).__name__}")
    return Check("redis", ok=True, detail="answers")


def _sweep() -> Check:
    with connection.cursor() as cursor:
        cursor.execute(SWEEP)
        row = cursor.fetchone()
    if row is None or row[0] is None:
        return Check("sweep", ok=False, detail="no sweep yet; is the control process running?")
    is_fresh = row[0] <= SWEEP_WITHIN_S
    then = "" if is_fresh else f", more than {SWEEP_WITHIN_S:.0f} s; is the control process running?"
    return Check("sweep", ok=is_fresh, detail=f"ended {row[0]:.1f} s ago{then}")


class WorkerProbe(NamedTuple):
    """A worker. `quiet_s`: seconds in which it had a free slot and no message reached it; `busy`: steps in its hands.

    A worker's watchdog gives the signs of life, also for one that is deaf: who gives none is gone, with its machine.
    """

    name: str
    slots: int
    has_answered: bool
    quiet_s: float
    busy: int
    is_there: bool


def _workers() -> Check:
    with connection.cursor() as cursor:
        cursor.execute(WORKERS)
        workers = [WorkerProbe(*row) for row in cursor.fetchall()]
    there = [worker for worker in workers if worker.is_there]
    if not there:
        return Check("workers", ok=False, detail=f"no heartbeat in the last {ALIVE_S:.0f} s")
    wrong = [text for worker in there if (text := _unresponsive_reason(worker))]
    gone = [f"{worker.name} sends no heartbeat" for worker in workers if not worker.is_there]
    well = f"{len(there)} online"
    return Check("workers", ok=not wrong, detail="; ".join((wrong or [well]) + gone))


def _unresponsive_reason(worker: WorkerProbe) -> str:
    """Empty when the worker is well. All slots busy with live leases is well: then a probe has to wait."""
    if worker.busy >= worker.slots or (worker.has_answered and worker.quiet_s <= ANSWER_WITHIN_S):
        return ""
    ago = f"for {worker.quiet_s:.0f} s" if worker.has_answered else "yet"
    return f"{worker.name} has a free slot ({worker.busy} of {worker.slots} busy), not responding {ago}"
