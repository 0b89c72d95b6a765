"""The sweeper: it finds what is due or lost, whoever forgot it, and one broken run does not keep it from the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pulser.language.catalogue import ErrorClass
from runs.commands import cancel
from runs.execution import sweep as sweeping
from runs.execution.sweep import sweep
from runs.models import Duty, Run, Step, Worker
from runs.transitions.outcomes import failure
from tests.factories import make_actor, make_lane, start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    drive,
    finished,
    let_deadlines_pass,
    let_leases_run_out,
    let_time_pass,
    status_of,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)
HELLO = plan(shell("a", "true"))
LATER = failure(ErrorClass.FAILED, "no", delay=60.0)


def _worker(slots: int = 2, **ago: float) -> Worker:
    seen = timezone.now() - timedelta(**ago)
    return Worker.objects.create(name="w", host="h", pid=1, slots=slots, started_at=seen, seen_at=seen)


def _age(run: Run) -> None:
    """It was queued a minute ago."""
    past = timezone.now() - timedelta(minutes=1)
    Run.objects.filter(pk=run.pk).update(queued_at=past)
    Step.objects.filter(run=run).exclude(queued_at=None).update(queued_at=past)


def _found(**expected: int) -> dict[str, int]:
    none = dict.fromkeys(("lost", "due", "expired", "timed_out", "silent", "stranded", "woken"), 0)
    return none | expected


def test_with_nothing_to_do_it_does_nothing_and_says_when() -> None:
    assert sweep() == _found()

    duty = Duty.objects.get(name="sweep")
    assert duty.finished_at is not None
    assert duty.found == _found()


def test_a_lost_step_goes_to_another_worker() -> None:
    run = start(HELLO)
    claimed(run)
    let_leases_run_out(run)

    assert sweep() == _found(lost=1)

    assert drive(run).status == "success"
    assert [(each.outcome, each.cause) for each in attempts_of(run, "a")] == [("lost", "first"), ("success", "lost")]
    assert_log_folds_to_rows(run)


def test_a_pause_that_is_over_ends() -> None:
    run = start(HELLO)
    finished(claimed(run), LATER)
    let_time_pass(run)

    assert sweep() == _found(due=1)
    assert statuses(run) == {"a": "queued"}


def test_a_plan_that_takes_too_long_is_ended() -> None:
    run = start(plan(shell("a", "true"), timeout="1h"))
    finished(claimed(run), LATER)
    let_deadlines_pass(run)

    assert sweep() == _found(timed_out=1)
    assert (status_of(run), statuses(run)) == ("error", {"a": "cancelled"})
    assert_log_folds_to_rows(run)


def test_a_cancelled_run_whose_worker_is_silent_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(HELLO)
    claimed(run)
    cancel(str(run.pk), actor=make_actor())
    assert sweep() == _found()

    monkeypatch.setattr(sweeping, "UNRESPONSIVE_AFTER_S", 0.0)

    assert sweep() == _found(silent=1)
    assert status_of(run) == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_run_that_was_left_between_two_steps_goes_on() -> None:
    run = start(plan(shell("a", "true"), finals=(shell("tidy", "true"),)))
    claimed(run)
    Step.objects.filter(run=run, key="a").update(status="success")

    assert sweep() == _found(stranded=1)
    assert statuses(run)["tidy"] == "queued"


def test_a_message_that_got_lost_is_sent_again(celery_sent: list[str]) -> None:
    run = start(HELLO)
    celery_sent.clear()
    _worker()
    sweep()
    assert celery_sent == []  # it is too young to be missed

    _age(run)

    assert sweep() == _found(woken=1)
    assert celery_sent == [str(run.pk)]


def test_no_more_messages_are_sent_than_there_are_free_slots(celery_sent: list[str]) -> None:
    runs = [start(HELLO) for _ in range(4)]
    celery_sent.clear()
    for run in runs:
        _age(run)
    _worker(slots=2)

    sweep()

    assert len(celery_sent) == 2


@pytest.mark.parametrize(("slots", "seen"), [(1, {"seconds": 0}), (4, {"minutes": 2})])
def test_busy_or_silent_workers_are_sent_nothing(celery_sent: list[str], slots: int, seen: dict[str, float]) -> None:
    busy, run = start(HELLO), start(HELLO)
    claimed(busy)
    celery_sent.clear()
    _age(run)
    _worker(slots, **seen)

    sweep()

    assert celery_sent == []


def test_a_full_or_paused_lane_is_sent_nothing(celery_sent: list[str]) -> None:
    full, paused = make_lane("B", limit=1), make_lane("C", paused=True)
    claimed(start(HELLO, lane=full))
    for run in (start(HELLO, lane=full), start(HELLO, lane=paused)):
        _age(run)
    celery_sent.clear()
    _worker(slots=9)

    sweep()

    assert celery_sent == []


def test_a_run_that_cannot_be_rescued_keeps_the_sweeper_from_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = start(HELLO), start(HELLO)
    for run in (broken, sound):
        claimed(run)
        let_leases_run_out(run)
    lose_lease = sweeping.lose_lease

    def sometimes(run_id: str, key: str, number: int) -> bool:
        if run_id == str(broken.pk):
            raise ValueError("this one is broken")
        return lose_lease(run_id, key, number=number)

    monkeypatch.setattr(sweeping, "lose_lease", sometimes)

    assert sweep() == _found(lost=1)
    assert statuses(sound) == {"a": "queued"}


def test_one_sweeper_at_a_time_has_the_duty() -> None:
    ahead = timezone.now() + timedelta(minutes=1)
    duty: dict[str, Any] = {"holder": "another", "lease_expires": ahead}
    Duty.objects.create(name="sweep", **duty)

    assert sweep() is None

    Duty.objects.update(lease_expires=timezone.now() - timedelta(seconds=1))
    assert sweep() is not None
    assert Duty.objects.get().holder != "another"


def test_workers_that_are_long_gone_are_forgotten() -> None:
    _worker(minutes=11)

    sweep()

    assert not Worker.objects.exists()
