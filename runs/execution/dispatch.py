"""Waking workers. A message says where to look; losing one costs time, because the sweeper looks as well."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.db import DatabaseError, InterfaceError
from django.dispatch import receiver
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from runs.models import Attempt, Worker
from runs.signals import work_ready

logger = logging.getLogger(__name__)

KNOWN_FOR_S = 5.0
DISPATCH_PAUSE_S = 0.005  # after which a worker that has a hand free has taken what was sent
WAKE, QUEUE = "runs.tasks.wake", "steps"


@receiver(work_ready)
def _on_work_ready(sender: object, *, run_id: str, count: int, **_kwargs: Any) -> None:
    wake(run_id, count=count)


def wake(run_id: str, *, count: int = 1) -> int:
    """Send up to `count` messages for this run, and no more than there are hands to take them. Never raises.

    Whoever takes a message looks for any work once that run has none, and so does who ends a step: with a message
    waiting for each slot, one more would find nothing left to do.
    """
    try:
        with current_app.producer_pool.acquire(block=True, timeout=2) as producer:
            count = min(count, _free_worker_slots(count) - _queued_messages(producer))
            _slot_cache.woke_at = time.monotonic()
            for _ in range(count):
                current_app.send_task(WAKE, (run_id,), producer=producer, queue=QUEUE, retry=False, ignore_result=True)
    except (KombuError, RedisError, OSError, DatabaseError, InterfaceError) as error:
        logger.warning("run %s: workers were not woken, the sweeper will wake them: %s", run_id, error)
        return 0
    return max(count, 0)


def _free_worker_slots(count: int) -> int:
    return max(free_slots() if count > 1 else _slots(), 1)


def _queued_messages(producer: Any) -> int:
    """Messages that nobody has taken yet. After a pause there are none worth a look."""
    if time.monotonic() - _slot_cache.woke_at > DISPATCH_PAUSE_S:
        return 0
    return int(producer.channel.client.llen(QUEUE))


@dataclass(slots=True)
class _SlotCache:
    """How many slots there are, and when that was read; when this process woke somebody."""

    slots: int = 0
    read_at: float = -KNOWN_FOR_S
    woke_at: float = 0.0


_slot_cache = _SlotCache()


def _slots() -> int:
    """Slots of all workers; one that comes or goes is known a few seconds later. Every start of a run asks."""
    if time.monotonic() - _slot_cache.read_at >= KNOWN_FOR_S:
        _slot_cache.slots = sum(Worker.objects.alive().values_list("slots", flat=True))
        _slot_cache.read_at = time.monotonic()
    return _slot_cache.slots


def free_slots() -> int:
    """Slots of the workers that are there, less the steps in their hands."""
    slots = sum(worker.slots for worker in Worker.objects.alive())
    return max(slots - Attempt.objects.leased().count(), 0)
