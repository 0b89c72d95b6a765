"""Workers in the database: who is there, and whether messages still reach them."""

from __future__ import annotations

import os

from django.db.models.expressions import RawSQL

from runs.execution.identity import holder
from runs.models import Worker

NOW = RawSQL("clock_timestamp()", [])


def register(*, slots: int) -> None:
    """This worker is there, with so many slots."""
    me = holder()
    values = {"host": me.host, "pid": os.getpid(), "slots": slots, "started_at": NOW, "seen_at": NOW}
    Worker.objects.update_or_create(name=me.name, defaults=values)


def answer() -> None:
    """A probe came through the step queue: this worker takes work."""
    Worker.objects.filter(name=holder().name).update(seen_at=NOW, answered_at=NOW)


def leave() -> None:
    Worker.objects.filter(name=holder().name).delete()
