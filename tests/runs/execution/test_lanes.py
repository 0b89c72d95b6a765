"""Lanes bound what runs at once, and say in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.commands import approve
from runs.execution.sweep import sweep
from runs.execution.worker_loop import run_worker_loop
from runs.models import Lane, Run, Worker
from runs.transitions import claim_any
from tests.factories import make_actor, make_lane, start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import (
    ALICE,
    assert_log_folds_to_rows,
    claimed,
    drive,
    finished,
    let_leases_run_out,
    run_plan,
    status_of,
    statuses,
    take,
)

pytestmark = pytest.mark.django_db(transaction=True)
HELLO = plan(shell("a", "true"))
GATE = plan({"id": "gate", "uses": "approval", "with": {}}, shell("after", "true", "gate"))


def _started_order() -> list[str]:
    return list(Run.objects.exclude(started_at=None).order_by("started_at").values_list("title", flat=True))


def test_a_lane_of_one_runs_one_after_the_other() -> None:
    lane = make_lane("B", limit=1)
    first, second = start(HELLO, lane=lane), start(HELLO, lane=lane)
    claim = claimed(first)

    assert take(second, ALICE) is None
    assert status_of(second) == "queued"
    finished(claim)
    assert claim_any(ALICE) is not None
    assert status_of(second) == "running"


def test_a_worker_goes_straight_on_to_the_runs_that_its_lane_held_back() -> None:
    lane = make_lane("B", limit=1)
    runs = [start(HELLO, lane=lane) for _ in range(3)]
    claim = claimed(runs[0])
    for run in runs[1:]:
        take(run, ALICE)
    finished(claim)

    assert run_worker_loop() == 2

    assert [status_of(run) for run in runs] == ["success"] * 3


def test_higher_priority_starts_first_then_age() -> None:
    lane = make_lane("B", limit=1)
    for title, priority in (("old", 0), ("young", 0), ("urgent", 5), ("idle", -1)):
        start(HELLO, lane=lane, title=title, priority=priority)

    run_worker_loop()

    assert _started_order() == ["urgent", "old", "young", "idle"]


def test_a_run_that_goes_on_comes_before_those_never_started() -> None:
    lane = make_lane("B", limit=1)
    waiting = drive(start(GATE, lane=lane))
    fresh = start(HELLO, lane=lane)
    approve(str(waiting.pk), "gate", actor=make_actor())

    claim = take(fresh, ALICE)

    assert claim is not None
    assert claim.run_id == str(waiting.pk)
    assert status_of(fresh) == "queued"


def test_a_waiting_run_holds_no_slot() -> None:
    lane = make_lane("B", limit=1)
    waiting = drive(start(GATE, lane=lane))

    other = drive(start(HELLO, lane=lane))

    assert (status_of(waiting), other.status) == ("waiting", "success")


def test_a_paused_lane_starts_nothing_and_lets_what_runs_go_on() -> None:
    lane = make_lane("B", limit=5)
    running, queued = start(plan(shell("a", "true"), shell("b", "true", "a")), lane=lane), start(HELLO, lane=lane)
    claim = claimed(running)
    Lane.objects.filter(pk=lane.pk).update(paused=True)

    finished(claim)
    run_worker_loop()
    run_worker_loop()

    assert (status_of(running), status_of(queued)) == ("success", "queued")


def test_a_lane_that_is_no_longer_paused_goes_on_with_the_next_sweep(celery_sent: list[str]) -> None:
    lane = make_lane("B", limit=5, paused=True)
    queued = start(HELLO, lane=lane)
    run_worker_loop()
    _age(queued)
    Worker.objects.create(name="w", host="h", pid=1, slots=2, started_at=queued.created_at, seen_at=timezone.now())
    sweep()
    celery_sent.clear()

    Lane.objects.filter(pk=lane.pk).update(paused=False)
    sweep()

    assert celery_sent == [str(queued.pk)]


def test_a_lower_limit_lets_what_runs_go_on_and_starts_nothing_more() -> None:
    lane = make_lane("B", limit=2)
    runs = [start(HELLO, lane=lane) for _ in range(3)]
    first, second = claimed(runs[0]), claimed(runs[1])
    Lane.objects.filter(pk=lane.pk).update(limit=1)

    finished(first)
    assert take(runs[2], ALICE) is None
    finished(second)

    assert take(runs[2], ALICE) is not None


def test_a_run_whose_steps_are_all_skipped_gives_its_slot_to_the_next() -> None:
    lane = make_lane("B", limit=1)
    empty = start(plan(shell("a", "true", if_=False)), lane=lane)
    full = start(HELLO, lane=lane)

    claim = take(empty, ALICE)

    assert claim is not None
    assert claim.run_id == str(full.pk)
    assert status_of(empty) == "success"
    assert_log_folds_to_rows(empty)


def test_a_plan_names_its_lane() -> None:
    make_lane("C")
    run = run_plan(plan(shell("a", "true"), lane="C"), lane=make_lane("C"))

    assert run.lane.name == "C"


def test_a_lost_step_keeps_its_runs_slot() -> None:
    lane = make_lane("B", limit=1)
    run, other = start(HELLO, lane=lane), start(HELLO, lane=lane)
    claimed(run)
    let_leases_run_out(run)
    sweep()

    assert (status_of(run), statuses(run)) == ("running", {"a": "queued"})
    assert take(other, ALICE) is None


def _age(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(minutes=1))
