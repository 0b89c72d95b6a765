"""The health page: what an operator looks at when something seems slow."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone

from controlroom.ops import plots, vitals
from controlroom.ops.health import run_checks
from controlroom.web.pages.access import PageRequest, for_viewers
from controlroom.web.pages.answers import page
from runs.models.worker import ALIVE_S


@for_viewers
def health(request: PageRequest) -> HttpResponse:
    """`?range=1h|6h|24h`; anything else is an hour."""
    chosen = request.GET.get("range", "")
    chosen = chosen if chosen in vitals.RANGES else "1h"
    now = timezone.now()
    flow = vitals.flow(chosen, now=now)
    swept_at, found = vitals.sweeper()
    queued, oldest_s = vitals.step_queue()
    return page(
        request,
        "health/page.html",
        here="health",
        now=now,
        checks=run_checks(),
        crews=vitals.crews(),
        queues=vitals.queues(),
        steps_queued=queued,
        steps_oldest_s=oldest_s,
        swept_at=swept_at,
        swept={name: value for name, value in found.items() if value},
        servers=[vitals.database(), vitals.redis()],
        plots=[
            plots.throughput(flow),
            plots.latency(flow, field="wait", title="Wait for a start"),
            plots.latency(flow, field="took", title="Duration"),
        ],
        ranges=list(vitals.RANGES),
        chosen=chosen,
        gone_after_s=ALIVE_S,
    )
