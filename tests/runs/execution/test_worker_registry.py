"""Workers say that they are there, and are known again after whatever made the control room forget them."""

from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest
from django.utils import timezone

from runs import tasks
from runs.execution.sweep import sweep
from runs.execution.worker_identity import host
from runs.execution.worker_registry import answer_probe, register_worker
from runs.models import Worker

pytestmark = pytest.mark.django_db


def _other(name: str, *, pid: int, on: str) -> Worker:
    now = timezone.now()
    return Worker.objects.create(name=name, host=on, pid=pid, slots=1, started_at=now, seen_at=now)


def test_a_worker_that_was_forgotten_is_known_again_by_its_next_answer() -> None:
    register_worker(slots=3)
    Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=11))
    sweep()
    assert not Worker.objects.exists()

    answer_probe()

    worker = Worker.objects.get()
    assert (worker.slots, worker.answered_at is not None) == (3, True)


def test_an_answer_changes_nothing_else_of_a_known_worker() -> None:
    register_worker(slots=3)
    before = Worker.objects.get()

    answer_probe()

    after = Worker.objects.get()
    assert (after.started_at, after.slots, after.pid) == (before.started_at, before.slots, before.pid)


def test_a_probe_is_sent_also_when_no_worker_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[float] = []
    monkeypatch.setattr(tasks.probe, "apply_async", lambda **options: sent.append(options["expires"]))

    tasks.send_probes()

    assert len(sent) == 1


def test_a_new_worker_forgets_those_of_its_host_that_were_killed() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    _other("killed", pid=ended.pid, on=host())
    _other("elsewhere", pid=ended.pid, on="another-host")
    _other("alive", pid=1, on=host())

    register_worker(slots=1)

    names = set(Worker.objects.values_list("name", flat=True))
    assert names >= {"elsewhere", "alive"}
    assert "killed" not in names
