"""How Celery knocks: each task looks at the database and does what is to be done there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from billiard.exceptions import WorkerLostError
from celery import shared_task, signals
from django.db import DatabaseError, InterfaceError, OperationalError, connections

from pulser.catalogue import IncompatiblePlan
from runs.errors import UnsupportedPlan
from runs.execution import parent_death, shutdown, watchdog, worker_identity, worker_loop, worker_registry
from runs.execution.recycling import at_work
from runs.execution.sweep import fail_unreadable_runs
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
    with at_work, _database_may_be_away():
        worker_registry.note_message()
        _run_worker_loop()


@shared_task(name="runs.tasks.sweep")
def sweep() -> None:
    with _database_may_be_away():
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
    with at_work, _database_may_be_away():
        worker_registry.answer_probe()
        _run_worker_loop()


def _run_worker_loop() -> None:
    try:
        worker_loop.run_worker_loop()
    except (IncompatiblePlan, UnsupportedPlan) as error:
        fail_unreadable_runs(error)


@contextmanager
def _database_may_be_away() -> Iterator[None]:
    """A task that finds no database leaves everything to the next one: a line in the log says so, and no traceback."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        logger.warning("database unavailable: %s", str(error).partition("\n")[0])
        connections.close_all()


@signals.worker_init.connect
def _register(sender: Any = None, **_kwargs: Any) -> None:
    """In the worker's main process, before it forks its pool."""
    worker_identity.set_main_pid(os.getpid())
    logging.getLogger("celery.worker.request").addFilter(_is_worth_logging)
    if not _consumes_step_queue(sender):
        _embed_celery_beat()
        return
    try:
        worker_registry.register_worker(slots=sender.concurrency or 1)
    except (DatabaseError, InterfaceError) as error:  # it is away: the first answer to a probe registers the worker
        logger.warning("worker %s cannot register yet: %s", worker_identity.claimant().name, error)
    connections.close_all()  # a forked child must not inherit an open connection
    sender.watchdog = watchdog.start(send_probes)


def _embed_celery_beat() -> None:
    from runs.execution import celery_beat

    celery_beat.embed()


def _consumes_step_queue(sender: Any) -> bool:
    return sender is not None and QUEUE in sender.app.amqp.queues.consume_from


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """A process of the pool that ended is told by the watchdog, in one line that names the step."""
    return not (isinstance(record.args, tuple) and any(isinstance(word, WorkerLostError) for word in record.args))


@signals.worker_process_init.connect
def _on_worker_process_init(**_kwargs: Any) -> None:
    connections.close_all()


@signals.worker_ready.connect
def _on_worker_ready(sender: Any = None, **_kwargs: Any) -> None:
    """A worker that has just come up need not wait for the first tick of the clock."""
    (probe if _consumes_step_queue(sender) else sweep).delay()


@signals.worker_ready.connect
def _watch_helper(sender: Any = None, **_kwargs: Any) -> None:
    if dog := getattr(getattr(sender, "controller", None), "watchdog", None):
        parent_death.stop_with_helper(dog, name="the watchdog", is_stopping=shutdown.is_stopping)


@signals.worker_shutting_down.connect
def _stop(**_kwargs: Any) -> None:
    shutdown.request_shutdown()


@signals.worker_shutdown.connect
def _on_worker_shutdown(**_kwargs: Any) -> None:
    worker_registry.unregister_worker()
    connections.close_all()
