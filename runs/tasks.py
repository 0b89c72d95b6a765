"""How Celery knocks: each task looks at the database and does what is to be done there."""

from __future__ import annotations

import logging
import os
from typing import Any

from billiard.exceptions import WorkerLostError
from celery import shared_task, signals
from django.db import DatabaseError, InterfaceError, connections

from pulser.catalogue import UnreadablePlan
from runs.errors import PlanUnreadable
from runs.execution import clock, identity, presence, stopping, watchdog, work
from runs.execution.sweep import condemn_plan
from runs.execution.sweep import sweep as sweep_once
from runs.models import Worker
from runs.retention.tidying import Tidier

logger = logging.getLogger(__name__)

QUEUE = "steps"
PROBE_EXPIRES_S = 10

tidier = Tidier()


@shared_task(name="runs.tasks.wake")
def wake(run_id: str) -> None:
    """Something may be done about this run."""
    presence.heard()
    try:
        work.work()
    except (UnreadablePlan, PlanUnreadable) as error:
        condemn_plan(error)


@shared_task(name="runs.tasks.sweep")
def sweep() -> None:
    sweep_once()


@shared_task(name="runs.tasks.tidy")
def tidy() -> None:
    tidier.round()


@shared_task(name="runs.tasks.send_probes")
def send_probes() -> None:
    """One probe for each worker, through the queue that the steps go through; one also when none is known."""
    for _ in range(max(1, Worker.objects.count())):
        probe.apply_async(expires=PROBE_EXPIRES_S, retry=False)


@shared_task(name="runs.tasks.probe")
def probe() -> None:
    """Shows that messages arrive. Like each of them it looks for work: a wake may have been spared because of it."""
    presence.answer()
    work.work()


@signals.worker_init.connect
def _register(sender: Any = None, **_kwargs: Any) -> None:
    """In the worker's main process, before it forks its pool."""
    identity.set_main_pid(os.getpid())
    logging.getLogger("celery.worker.request").addFilter(_is_news)
    if not _works_on_steps(sender):
        return
    try:
        presence.register(slots=sender.concurrency or 1)
    except (DatabaseError, InterfaceError) as error:  # it is away: the first answer to a probe registers the worker
        logger.warning("worker %s cannot register yet: %s", identity.holder().name, error)
    connections.close_all()  # a forked child must not inherit an open connection
    sender.watchdog = watchdog.start(send_probes)


def _works_on_steps(sender: Any) -> bool:
    return sender is not None and QUEUE in sender.app.amqp.queues.consume_from


def _is_news(record: logging.LogRecord) -> bool:
    """A process of the pool that ended is told by the watchdog, in one line that names the step."""
    return not (isinstance(record.args, tuple) and any(isinstance(word, WorkerLostError) for word in record.args))


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
def _watch_helpers(sender: Any = None, **_kwargs: Any) -> None:
    """Beat's process, and the watchdog's."""
    main = getattr(sender, "controller", None)
    if beat := getattr(main, "beat", None):
        clock.end_without(beat.pid, name="beat", is_stopping=stopping.is_stopping)
    if dog := getattr(main, "watchdog", None):
        clock.end_without(dog, name="the watchdog", is_stopping=stopping.is_stopping)


@signals.worker_shutting_down.connect
def _stop(**_kwargs: Any) -> None:
    stopping.stop()


@signals.worker_shutdown.connect
def _leave(**_kwargs: Any) -> None:
    presence.leave()
    connections.close_all()
