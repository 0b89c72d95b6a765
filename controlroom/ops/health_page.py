"""The health page: what an operator looks at when something seems slow."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone

from controlroom.ops import health_data, plots
from controlroom.ops.health import run_checks
from controlroom.web.pages.access import PageRequest, for_viewers
from controlroom.web.pages.responses import render_page
from runs.models.worker import ALIVE_S


@for_viewers
def health(request: PageRequest) -> HttpResponse:
    """`?range=1h|6h|24h`; anything else is an hour."""
    chosen = request.GET.get("range", "")
    chosen = chosen if chosen in health_data.RANGES else "1h"
    now = timezone.now()
    flow = health_data.flow(chosen, now=now)
    swept_at, found = health_data.sweeper()
    queued, oldest_s = health_data.step_queue()
    return render_page(
        request,
        "health/page.html",
        here="health",
        now=now,
        checks=run_checks(),
        crews=health_data.worker_loads(),
        queues=health_data.queues(),
        steps_queued=queued,
        steps_oldest_s=oldest_s,
        swept_at=swept_at,
        swept={name: value for name, value in found.items() if value},
        servers=[health_data.database(), health_data.redis()],
        plots=[
            plots.throughput(flow),
            plots.latency(flow, field="wait", title="Queue time"),
            plots.latency(flow, field="took", title="Duration"),
        ],
        ranges=list(health_data.RANGES),
        chosen=chosen,
        gone_after_s=ALIVE_S,
    )
