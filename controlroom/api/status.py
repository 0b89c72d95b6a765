"""How the control room does: who works, what waits, and whether somebody sweeps."""

from __future__ import annotations

from collections import Counter

from django.db import connection
from django.http import HttpResponse
from ninja import Router

from controlroom.api.auth import ApiRequest, may_view
from controlroom.api.lanes import lane_json
from controlroom.api.openapi import documented_responses
from controlroom.api.responses import json_response
from controlroom.api.schemas import StatusOut
from runs.models import Attempt, Lane, Worker
from runs.stream.event_json import rfc3339

router = Router(tags=["status"])

# Ages are made by the database, whose clock wrote the times.
QUEUE_AND_SWEEPER = """
SELECT (SELECT count(*) FROM runs_run WHERE status = 'queued'),
       (SELECT count(*) FROM runs_step WHERE status = 'queued'),
       (SELECT extract(epoch FROM clock_timestamp() - min(queued_at))::float FROM runs_step WHERE status = 'queued'),
       (SELECT finished_at FROM runs_duty WHERE name = 'sweep'),
       (SELECT extract(epoch FROM clock_timestamp() - finished_at)::float FROM runs_duty WHERE name = 'sweep')
"""


@router.get("", auth=may_view, response=documented_responses(StatusOut))
def show(request: ApiRequest) -> HttpResponse:
    """Workers with a heartbeat in the last minute, lanes with their load, the queue, and the sweeper's age."""
    with connection.cursor() as cursor:
        cursor.execute(QUEUE_AND_SWEEPER)
        runs_queued, steps_queued, oldest_s, finished_at, age_s = cursor.fetchone()
    lanes = Lane.objects.visible_to(request.auth).with_load().order_by("position", "name")
    busy = Counter(Attempt.objects.leased().values_list("worker", flat=True))
    return json_response(
        {
            "workers": [_worker(worker, busy[worker.name]) for worker in Worker.objects.alive()],
            "lanes": [lane_json(lane) for lane in lanes],
            "queue": {"runs_queued": runs_queued, "steps_queued": steps_queued, "oldest_s": oldest_s},
            "sweeper": {"finished_at": rfc3339(finished_at) if finished_at else None, "age_s": age_s},
        }
    )


def _worker(worker: Worker, busy: int) -> dict[str, object]:
    return {
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "slots": worker.slots,
        "busy": busy,
        "started_at": rfc3339(worker.started_at),
        "seen_at": rfc3339(worker.seen_at),
        "answered_at": rfc3339(worker.answered_at) if worker.answered_at else None,
    }
