"""Workers in the database: who is there, and whether messages still reach them."""

from __future__ import annotations

from pathlib import Path

from django.db.models.expressions import RawSQL

from runs.execution.identity import holder, main_pid
from runs.models import Worker

NOW = RawSQL("clock_timestamp()", [])

_slots = 1  # set in the main process; the pool processes that it forks know it as well


def register(*, slots: int) -> None:
    """This worker is there, with so many slots."""
    global _slots  # noqa: PLW0603  (a process has one, and forked ones inherit it)
    _slots = slots
    _forget_the_dead()
    Worker.objects.update_or_create(name=holder().name, defaults=_row())


def _forget_the_dead() -> None:
    """Workers of this host that were killed: nobody should wait for their answers."""
    pids = Worker.objects.filter(host=holder().host).values_list("pid", flat=True)
    gone = [pid for pid in pids if not Path(f"/proc/{pid}").exists()]
    Worker.objects.filter(host=holder().host, pid__in=gone).delete()


def answer() -> None:
    """A probe came through the step queue: this worker takes work.

    The row is made anew when it is gone: the database was away when the worker registered, or the worker was silent for
    so long that it had been forgotten.
    """
    seen = {"seen_at": NOW, "answered_at": NOW}
    Worker.objects.update_or_create(name=holder().name, defaults=seen, create_defaults=_row() | seen)


def leave() -> None:
    Worker.objects.filter(name=holder().name).delete()


def _row() -> dict[str, object]:
    me = holder()
    return {"host": me.host, "pid": main_pid(), "slots": _slots, "started_at": NOW, "seen_at": NOW}
