from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from controlroom.api.schemas import StatusOut
from runs.models import Attempt, Duty, Step, Worker
from tests.controlroom.api.callers import Caller
from tests.factories import put_step, start


def test_status_tells_of_workers_lanes_queue_and_sweeper(viewer: Caller) -> None:
    now = timezone.now()
    Worker.objects.create(name="w1", host="here", pid=4711, slots=4, started_at=now, seen_at=now, answered_at=now)
    Duty.objects.create(name="sweep", finished_at=now - timedelta(seconds=3))
    busy, waiting = start(), start()
    put_step(busy, "greet", "running")
    lease = {"worker": "w1", "started_at": now, "lease_expires": now + timedelta(seconds=30)}
    Attempt.objects.create(step=Step.objects.get(run=busy), number=1, **lease)
    put_step(waiting, "greet", "queued", queued_at=now - timedelta(seconds=5))

    found = StatusOut.model_validate(viewer.get("/status").json())

    assert [(worker.name, worker.pid, worker.slots, worker.busy) for worker in found.workers] == [("w1", 4711, 4, 1)]
    assert [lane.name for lane in found.lanes] == ["A", "B", "C", "D"]
    assert (found.queue.runs_queued, found.queue.steps_queued) == (2, 1)
    assert 5 <= (found.queue.oldest_s or 0) < 60
    assert 3 <= (found.sweeper.age_s or 0) < 60


def test_status_of_an_empty_house(viewer: Caller) -> None:
    found = viewer.get("/status").json()
    assert (found["workers"], found["sweeper"]) == ([], {"finished_at": None, "age_s": None})


def test_workers_not_heard_of_for_a_minute_are_left_out(viewer: Caller) -> None:
    then = timezone.now() - timedelta(seconds=70)
    Worker.objects.create(name="w1", host="here", pid=1, slots=4, started_at=then, seen_at=then)
    assert viewer.get("/status").json()["workers"] == []
