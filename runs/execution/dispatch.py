"""Waking workers. A message says where to look; losing one costs time, because the sweeper looks as well."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app
from django.dispatch import receiver
from kombu.exceptions import OperationalError

from runs.models import Attempt, Worker
from runs.signals import work_ready

logger = logging.getLogger(__name__)

SEEN_WITHIN_S = 30.0
WAKE, QUEUE = "runs.tasks.wake", "steps"


@receiver(work_ready)
def _on_work_ready(sender: object, *, run_id: str, count: int, **_kwargs: Any) -> None:
    wake(run_id, count=count)


def wake(run_id: str, *, count: int = 1) -> int:
    """Send up to `count` messages for this run, but no more than there are free slots (one at least). Never raises."""
    if count > 1:
        count = max(1, min(count, free_slots()))
    try:
        with current_app.producer_pool.acquire(block=True, timeout=2) as producer:
            for _ in range(count):
                current_app.send_task(WAKE, (run_id,), producer=producer, queue=QUEUE, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("run %s: no worker could be woken, the sweeper will: %s", run_id, error)
        return 0
    return count


def free_slots() -> int:
    """Slots of the workers heard of lately, less the steps in their hands."""
    slots = sum(worker.slots for worker in Worker.objects.seen_within(SEEN_WITHIN_S))
    return max(slots - Attempt.objects.leased().count(), 0)
