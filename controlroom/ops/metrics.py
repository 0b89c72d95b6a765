"""`/metrics` for Prometheus. Everything is counted from the database when asked, so no process keeps counters."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pulser.engine.states import STEP_OPEN, RunStatus
from runs.models import Lane, Run, Step
from runs.models.worker import IS_ALIVE

NUMBERS = f"""
SELECT (SELECT extract(epoch FROM clock_timestamp() - min(queued_at)) FROM runs_step WHERE status = 'queued'),
       (SELECT count(*) FROM runs_attempt WHERE finished_at IS NULL AND lease_expires > clock_timestamp()),
       (SELECT count(*) FROM runs_attempt WHERE finished_at IS NULL AND lease_expires <= clock_timestamp()),
       (SELECT extract(epoch FROM clock_timestamp() - finished_at) FROM runs_duty WHERE name = 'sweep'),
       (SELECT count(*) FROM runs_worker WHERE {IS_ALIVE}),
       (SELECT sum(slots) FROM runs_worker WHERE {IS_ALIVE})
"""  # noqa: S608


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers in Prometheus' text format. With CONTROLROOM_METRICS_TOKEN set, asks for it as a bearer token."""
    if not _may_read(request):
        return HttpResponse(
            "bearer token required\n", status=401, headers={"WWW-Authenticate": "Bearer"}, content_type="text/plain"
        )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ControlRoom())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    wanted: str = settings.CONTROLROOM_METRICS_TOKEN
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return not wanted or (scheme.lower() == "bearer" and constant_time_compare(given.strip(), wanted))


class ControlRoom(Collector):
    """What one look at the database says."""

    def collect(self) -> Iterator[Metric]:
        yield _by_label("controlroom_runs", "Unarchived runs by status.", label="status", counts=_runs())
        yield _by_label(
            "controlroom_steps_open", "Steps that have not ended, by status.", label="status", counts=_steps()
        )
        yield from _lanes()
        yield from _gauges()


def _runs() -> dict[str, int]:
    counts = Run.objects.active().order_by().values_list("status").annotate(number=Count("*"))
    return {str(status): 0 for status in RunStatus} | dict(counts)


def _steps() -> dict[str, int]:
    counts = Step.objects.unfinished().order_by().values_list("status").annotate(number=Count("*"))
    return {str(status): 0 for status in sorted(STEP_OPEN)} | dict(counts)


def _lanes() -> Iterator[Metric]:
    lanes = list(Lane.objects.with_load())
    for name, words in (("used", "Runs that hold a slot."), ("queued", "Runs queued for a slot."), ("limit", "Slots.")):
        counts = {lane.name: getattr(lane, name) for lane in lanes}
        yield _by_label(f"controlroom_lane_{name}", words, label="lane", counts=counts)


def _by_label(name: str, words: str, *, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _gauges() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS)
        oldest, leases, overdue, sweep_age, workers, slots = cursor.fetchone()
    yield GaugeMetricFamily("controlroom_queue_oldest_seconds", "Age of the longest queued step.", value=oldest or 0)
    yield GaugeMetricFamily("controlroom_leases", "Attempts with a valid lease.", value=leases)
    yield GaugeMetricFamily("controlroom_leases_overdue", "Attempts with an expired lease.", value=overdue)
    if sweep_age is not None:
        yield GaugeMetricFamily("controlroom_sweep_age_seconds", "Time since the last sweep ended.", value=sweep_age)
    yield GaugeMetricFamily("controlroom_workers", "Workers with a heartbeat in the last minute.", value=workers)
    yield GaugeMetricFamily("controlroom_worker_slots", "Slots of these workers.", value=slots or 0)
