from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from controlroom.web.presenters.cards import CardStep
from runs.models import Run, Worker
from runs.queries.waiting_reasons import (
    Capacity,
    LaneState,
    WaitingReason,
    read_capacity,
    waiting_reason,
    waiting_reasons_by_run,
)
from tests.factories import make_lane, make_run, start

SOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = SOON + timedelta(hours=1)
LANE = 7


def run_in(status: str, **fields: object) -> Run:
    return Run(status=status, lane_id=LANE, **fields)


def step(status: str, key: str = "fetch", **fields: object) -> CardStep:
    blank = {"reason": "", "next_attempt_at": None, "deadline_at": None, "wait_role": "", "wait_message": ""}
    return CardStep(**{"key": key, "status": status, "progress_done": None, "progress_total": None, **blank, **fields})


def room(*, has_workers: bool = True, used: int = 0, queued: int = 1, **lane: object) -> Capacity:
    return Capacity({LANE: LaneState(name="A", used=used, limit=10, queued=queued, **lane)}, has_workers)  # type: ignore[arg-type]


def behind(*others: UUID, run: Run) -> tuple[UUID, ...]:
    return (*others, run.pk)


def test_a_paused_lane_says_so_with_its_reason() -> None:
    asked = room(is_paused=True, reason="deploy freeze", used=10)
    assert waiting_reason(run_in("queued"), [], room=asked) == WaitingReason("lane A is paused: deploy freeze")


def test_a_paused_lane_says_who_paused_it() -> None:
    asked = room(is_paused=True, paused_by="olivia", reason="deploy freeze")
    assert waiting_reason(run_in("queued"), [], room=asked) == WaitingReason(
        "lane A is paused by olivia: deploy freeze"
    )


def test_a_paused_lane_without_a_reason_says_so_all_the_same() -> None:
    assert waiting_reason(run_in("queued"), [], room=room(is_paused=True)) == WaitingReason("lane A is paused")


def test_a_full_lane_says_how_many_hold_it_and_whose_turn_it_is() -> None:
    run = run_in("queued")
    why = waiting_reason(run, [], room=room(used=10, queue=behind(uuid4(), uuid4(), run=run)))
    assert why == WaitingReason("lane A is full (10 of 10); 3rd in queue")


def test_without_workers_that_is_the_reason() -> None:
    assert waiting_reason(run_in("queued"), [], room=room(has_workers=False)) == WaitingReason("no workers online")


@pytest.mark.parametrize(
    ("before", "said"),
    [(0, "next in queue"), (1, "2nd in queue"), (10, "11th in queue"), (20, "21st in queue"), (22, "23rd in queue")],
)
def test_a_place_in_line_is_told(before: int, said: str) -> None:
    run = run_in("queued")
    why = waiting_reason(run, [], room=room(queue=behind(*(uuid4() for _ in range(before)), run=run)))
    assert why == WaitingReason(said)


def test_a_place_far_behind_is_told_by_the_length_of_the_line() -> None:
    why = waiting_reason(run_in("queued"), [], room=room(queued=4000, queue=(uuid4(),)))
    assert why == WaitingReason("one of 4000 in queue")


def test_a_person_is_named_with_the_deadline_and_before_any_timer() -> None:
    steps = [
        step("waiting", deadline_at=SOON),
        step("waiting", wait_role="operator", wait_message="Publish?", deadline_at=LATER),
    ]
    assert waiting_reason(run_in("waiting"), steps, room=Capacity()) == WaitingReason("for operator: Publish?", LATER)


def test_of_what_is_due_the_first_is_named() -> None:
    steps = [step("backoff", "fetch", next_attempt_at=LATER), step("waiting", "pause", deadline_at=SOON)]
    assert waiting_reason(run_in("waiting"), steps, room=Capacity()) == WaitingReason("pause", SOON)


def test_a_running_run_whose_steps_run_needs_no_reason() -> None:
    assert waiting_reason(run_in("running"), [step("running"), step("queued")], room=Capacity()) is None


def test_a_running_run_that_stands_still_says_what_it_lacks() -> None:
    queued = [step("queued", "one")]
    assert waiting_reason(run_in("running"), queued, room=Capacity()) == WaitingReason("one: waiting for a free worker")
    assert waiting_reason(run_in("running"), queued, room=Capacity(has_workers=False)) == WaitingReason(
        "one: no workers online"
    )


@pytest.mark.parametrize("status", ["success", "error", "cancelled"])
def test_what_has_ended_needs_no_reason(status: str) -> None:
    assert waiting_reason(run_in(status), [step("waiting", deadline_at=SOON)], room=room()) is None


@pytest.mark.django_db
def test_the_queue_is_in_the_order_in_which_the_lane_takes_runs() -> None:
    lane = make_lane("A", limit=1)
    late, early, urgent, again = (start(lane=lane) for _ in range(4))
    now = timezone.now()
    Run.objects.filter(pk=late.pk).update(queued_at=now + timedelta(seconds=5))
    Run.objects.filter(pk=urgent.pk).update(priority=5)
    Run.objects.filter(pk=again.pk).update(started_at=now)
    assert list(read_capacity().lanes[lane.pk].queue) == [urgent.pk, again.pk, early.pk, late.pk]


@pytest.mark.django_db
def test_reasons_of_many_runs_are_read_at_once(django_assert_num_queries: object) -> None:
    lane = make_lane("A", limit=1)
    make_run(status="running", lane=lane)
    queued = [start(lane=lane) for _ in range(3)]
    Worker.objects.create(name="w", host="h", pid=1, slots=1, started_at=timezone.now(), seen_at=timezone.now())
    with django_assert_num_queries(2):  # type: ignore[operator]
        found = waiting_reasons_by_run(queued, {})
    assert [found[run.pk].text.rpartition("; ")[2] for run in queued] == [
        "next in queue",
        "2nd in queue",
        "3rd in queue",
    ]


@pytest.mark.django_db
def test_a_worker_that_was_not_heard_of_is_not_alive() -> None:
    start()
    long_ago = timezone.now() - timedelta(minutes=5)
    Worker.objects.create(name="w", host="h", pid=1, slots=1, started_at=long_ago, seen_at=long_ago)
    assert read_capacity().has_workers is False


def test_nobody_is_asked_for_runs_that_have_ended() -> None:
    assert waiting_reasons_by_run([run_in("success")], {}) == {}
