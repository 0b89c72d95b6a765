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

SWEEP_WITHIN_S = 15.0
ANSWER_WITHIN_S = 30.0
WORKER_SEEN_WITHIN_S = 60.0

SWEEP = "SELECT extract(epoch FROM clock_timestamp() - finished_at)::float FROM runs_duty WHERE name = 'sweep'"

WORKERS = """
SELECT name, slots, extract(epoch FROM clock_timestamp() - answered_at)::float,
       (SELECT count(*) FROM runs_attempt
        WHERE worker = name AND finished_at IS NULL AND lease_expires > clock_timestamp())
FROM runs_worker WHERE seen_at > clock_timestamp() - %s * interval '1 second' ORDER BY name
"""


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
        return [database, _redis(), *(Check(name, ok=False, detail="not known") for name in ("sweep", "workers"))]
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
        hints.client().ping()
    except (RedisError, OSError) as error:
        return Check("redis", ok=False, detail=f"Redis does not answer: {type(error).__name__}")
    return Check("redis", ok=True, detail="answers")


def _sweep() -> Check:
    with connection.cursor() as cursor:
        cursor.execute(SWEEP)
        row = cursor.fetchone()
    if row is None or row[0] is None:
        return Check("sweep", ok=False, detail="no sweep has ended yet; is the control process running?")
    is_fresh = row[0] <= SWEEP_WITHIN_S
    then = "" if is_fresh else f", more than {SWEEP_WITHIN_S:.0f} s; is the control process running?"
    return Check("sweep", ok=is_fresh, detail=f"ended {row[0]:.1f} s ago{then}")


class Heard(NamedTuple):
    """A worker: seconds since its last answer to a probe, and the steps in its hands."""

    name: str
    slots: int
    answered_s: float | None
    busy: int


def _workers() -> Check:
    with connection.cursor() as cursor:
        cursor.execute(WORKERS, [WORKER_SEEN_WITHIN_S])
        rows = cursor.fetchall()
    if not rows:
        return Check("workers", ok=False, detail=f"none was heard of in the last {WORKER_SEEN_WITHIN_S:.0f} s")
    deaf = [_deaf(Heard(*row)) for row in rows]
    wrong = [text for text in deaf if text]
    return Check("workers", ok=not wrong, detail="; ".join(wrong) or f"{len(rows)} take work")


def _deaf(worker: Heard) -> str:
    """Empty when the worker is well. All slots busy with live leases is well: then a probe has to wait."""
    name, slots, answered_s, busy = worker
    if busy >= slots or (answered_s is not None and answered_s <= ANSWER_WITHIN_S):
        return ""
    ago = "yet" if answered_s is None else f"for {answered_s:.0f} s"
    return f"{name} has a free slot ({busy} of {slots} busy) and answered no probe {ago}"
