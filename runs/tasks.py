"""How Celery knocks: each task looks at the database and does what is to be done there."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import shared_task, signals
from django.db import connections

from runs.execution import clock, identity, presence, work
from runs.execution.sweep import sweep as sweep_once
from runs.models import Worker

logger = logging.getLogger(__name__)

QUEUE = "steps"
PROBE_EXPIRES_S = 10


@shared_task(name="runs.tasks.wake")
def wake(run_id: str) -> None:
    """Something may be done about this run."""
    work.work_on(run_id)


@shared_task(name="runs.tasks.sweep")
def sweep() -> None:
    sweep_once()


@shared_task(name="runs.tasks.send_probes")
def send_probes() -> None:
    """One probe for each worker, through the queue that the steps go through; one also when none is known."""
    for _ in range(max(1, Worker.objects.count())):
        probe.apply_async(expires=PROBE_EXPIRES_S)


@shared_task(name="runs.tasks.probe")
def probe() -> None:
    presence.answer()


@signals.worker_init.connect
def _register(sender: Any = None, **_kwargs: Any) -> None:
    """In the worker's main process, before it forks its pool."""
    identity.set_main_pid(os.getpid())
    if _works_on_steps(sender):
        presence.register(slots=sender.concurrency or 1)
    connections.close_all()  # a forked child must not inherit an open connection


def _works_on_steps(sender: Any) -> bool:
    return sender is not None and QUEUE in sender.app.amqp.queues.consume_from


@signals.worker_process_init.connect
def _forked(**_kwargs: Any) -> None:
    connections.close_all()


@signals.worker_ready.connect
def _look_at_once(sender: Any = None, **_kwargs: Any) -> None:
    """A worker that has just come up need not wait for the first tick of the clock."""
    (probe if _works_on_steps(sender) else sweep).delay()


@signals.beat_embedded_init.connect
def _beat_begins(**_kwargs: Any) -> None:
    """In beat's process, which the control process has just forked."""
    clock.die_with_parent(identity.main_pid())


@signals.worker_ready.connect
def _watch_beat(sender: Any = None, **_kwargs: Any) -> None:
    beat = getattr(sender.controller, "beat", None) if sender is not None else None
    if beat is not None:
        clock.end_without(beat.pid, is_stopping=work.is_stopping)


@signals.worker_shutting_down.connect
def _stop(**_kwargs: Any) -> None:
    work.stop()


@signals.worker_shutdown.connect
def _leave(**_kwargs: Any) -> None:
    presence.leave()
    connections.close_all()
