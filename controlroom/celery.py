"""Celery as transport: it wakes workers. What is to be done stands in PostgreSQL, so a lost message costs time only."""

from __future__ import annotations

import os

from celery import Celery
from kombu.entity import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlroom.settings")

SWEEP_INTERVAL = 2.0  # seconds
PROBE_INTERVAL = 5.0  # seconds

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

app = Celery("controlroom")


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
        "task_routes": {"runs.tasks.sweep": {"queue": "control"}, "runs.tasks.send_probes": {"queue": "control"}},
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
        },
    }
    app.add_defaults(settings)


app.autodiscover_tasks(["runs"])
