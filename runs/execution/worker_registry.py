"""Workers in the database: who is there, and whether messages still reach them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from django.db.models.expressions import RawSQL

from runs.execution.worker_identity import claimant, main_pid
from runs.models import Worker
from runs.sql import column

NOW = RawSQL("clock_timestamp()", [])
STARTS_WITHIN_S = 60.0  # from its registration to its first answer, on a busy machine
NOTE_INTERVAL = 5.0  # seconds; what came through the queue meanwhile is not written down


@dataclass(slots=True)
class _OwnWorker:
    """What the main process sets, and those that it forks know as well; `told` is each process's own."""

    slots: int = 1
    told: tuple[int, float] = (0, 0.0)


_own = _OwnWorker()


def register_worker(*, slots: int) -> None:
    """This worker is there, with so many slots."""
    _own.slots = slots
    _forget_the_dead()
    Worker.objects.update_or_create(name=claimant().name, defaults=_row())


def _forget_the_dead() -> None:
    """Workers of this host that were killed: nobody should wait for their answers."""
    pids = Worker.objects.filter(host=claimant().host).values_list("pid", flat=True)
    gone = [pid for pid in pids if not Path(f"/proc/{pid}").exists()]
    Worker.objects.filter(host=claimant().host, pid__in=gone).delete()


def note_message() -> None:
    """A message came through the step queue, whatever it said. Written down now and then: it is about progress."""
    process, moment = _own.told
    if process != os.getpid() or time.monotonic() - moment >= NOTE_INTERVAL:
        answer_probe()


def answer_probe() -> None:
    """A probe came through the step queue: this worker takes work.

    The row is made anew when it is gone: the database was away when the worker registered, or the worker was silent for
    so long that it had been forgotten.
    """
    seen = {"seen_at": NOW, "answered_at": NOW}
    Worker.objects.update_or_create(name=claimant().name, defaults=seen, create_defaults=_row() | seen)
    _own.told = (os.getpid(), time.monotonic())


# Locks the worker's row. Returns for how many seconds it had a free slot and no message; no row: it is not registered.
WORKER_HEARTBEAT = """
UPDATE runs_worker w SET seen_at = clock_timestamp(), full_at = CASE WHEN slots <= (
    SELECT count(*) FROM runs_attempt a
    WHERE a.worker = w.name AND a.finished_at IS NULL AND a.lease_expires > clock_timestamp()
) THEN clock_timestamp() ELSE full_at END
WHERE name = %(worker)s
RETURNING extract(epoch FROM clock_timestamp()
    - greatest(coalesce(answered_at, started_at + %(starts_within_s)s * interval '1 second'), full_at))::float
"""


def worker_heartbeat() -> float:
    """The worker is there, whether it takes work or not.

    Returns for how many seconds it has had a free slot and nothing came through the step queue; what it needs to start
    does not count.
    """
    found = column(WORKER_HEARTBEAT, {"worker": claimant().name, "starts_within_s": STARTS_WITHIN_S})
    if not found:
        Worker.objects.update_or_create(name=claimant().name, defaults=_row())
    return float(found[0]) if found else 0.0


def unregister_worker() -> None:
    Worker.objects.filter(name=claimant().name).delete()


def _row() -> dict[str, object]:
    me = claimant()
    return {"host": me.host, "pid": main_pid(), "slots": _own.slots, "started_at": NOW, "seen_at": NOW}
