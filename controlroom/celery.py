"""Celery as transport: it wakes workers. What is to be done stands in PostgreSQL, so a lost message costs time only."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from typing import Any

from billiard.util import get_pdeathsig
from celery import Celery, signals
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup
from kombu.entity import Queue

from controlroom.database import set_application_name

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlroom.settings")

SWEEP_INTERVAL = 2.0  # seconds
PROBE_INTERVAL = 5.0  # seconds
TIDY_INTERVAL = 60.0  # seconds

# A start must not wait for a broker that is away: it gives up at once, and the sweeper wakes the workers later.
TRANSPORT = {
    "socket_keepalive": True,
    "socket_connect_timeout": 0.5,
    "socket_timeout": 2.0,  # a broker that takes connections and says nothing
    "max_retries": 1,
    "interval_start": 0.0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}


class WorkerFixup(DjangoWorkerFixup):
    """Treats a task as Django treats a request: Celery's own would open a new database connection for each task."""

    def on_task_prerun(self, sender: Any, **_kwargs: Any) -> None:
        self._db.close_old_connections()

    def on_task_postrun(self, sender: Any, **_kwargs: Any) -> None:
        self._db.close_old_connections()


class Fixup(DjangoFixup):
    _worker_fixup: WorkerFixup | None

    @property
    def worker_fixup(self) -> WorkerFixup:
        if self._worker_fixup is None:
            self._worker_fixup = WorkerFixup(self.app)
        return self._worker_fixup


app = Celery("controlroom", fixups=[lambda app: Fixup(app).install()])


def broker_url(redis_url: str) -> str:
    """A redis-py URL in kombu's words: `unix://S?db=1` becomes `redis+socket://S?virtual_host=1`."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    number = dict(pair.partition("=")[::2] for pair in query.split("&")).get("db", "0")
    return f"redis+socket://{path}?virtual_host={number}"


@app.on_configure.connect
def _configure(**_kwargs: object) -> None:
    """Read the settings as late as possible: Django's are not there yet when this module is imported."""
    from django.conf import settings as django_settings

    # Defaults, not `conf.update`: to touch `conf` while Celery loads it makes Celery load it again, without end.
    settings: dict[str, object] = {
        "broker_url": broker_url(django_settings.BROKER_URL),
        "broker_connection_retry_on_startup": True,
        "broker_connection_timeout": 1.0,
        "broker_transport_options": TRANSPORT,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_default_queue": "steps",
        "task_queues": [Queue("steps"), Queue("control")],
        "task_routes": {f"runs.tasks.{name}": {"queue": "control"} for name in ("sweep", "send_probes", "tidy")},
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,  # a busy worker must not hoard what a free one could do
        "worker_hijack_root_logger": False,
        "worker_send_task_events": False,
        "worker_enable_remote_control": False,
        "task_acks_late": False,
        "worker_max_tasks_per_child": None,
        # In memory: a file would hold nothing that is not said here, and a kill in mid-write leaves it unreadable.
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_schedule": {
            "sweep": {"task": "runs.tasks.sweep", "schedule": SWEEP_INTERVAL, "options": {"expires": 10}},
            "probe": {"task": "runs.tasks.send_probes", "schedule": PROBE_INTERVAL, "options": {"expires": 10}},
            "tidy": {"task": "runs.tasks.tidy", "schedule": TIDY_INTERVAL, "options": {"expires": 10}},
        },
    }
    app.add_defaults(settings)


@signals.worker_init.connect
def _set_application_name(sender: Any = None, **_kwargs: object) -> None:
    """Before the first connection, and before the pool is forked."""
    is_control = sender is not None and "control" in sender.app.amqp.queues.consume_from
    set_application_name("controlroom-control" if is_control else "controlroom-worker")


app.autodiscover_tasks(["runs"])


@signals.worker_init.connect
def _preload_modules(**_kwargs: Any) -> None:
    """Once, before the worker forks, instead of once in each pool process."""
    from pulser.tools import registry as tools
    from pulser.verifiers import registry as verifiers

    tools.installed()
    verifiers.installed()
    with suppress(OSError):
        get_pdeathsig()  # each pool process asks likewise, and what that loads, a parser of C, is large
    gc.collect()


@signals.worker_init.connect
@signals.worker_before_create_process.connect
@signals.worker_ready.connect
def _freeze_gc(**_kwargs: Any) -> None:
    """On both sides of a fork: the collector leaves alone what is in memory now, so that its pages stay shared."""
    gc.freeze()
