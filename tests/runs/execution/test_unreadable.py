"""A plan that an upgrade made unreadable: its runs end with that reason, and hold up no other."""

from __future__ import annotations

import pytest

from pulser.catalogue import compiled_plan
from pulser.models import PlanVersion
from runs.commands import retry
from runs.errors import MoveRefused, StartRefused
from runs.execution.sweep import sweep
from runs.models import Run
from runs.tasks import wake
from tests.factories import make_actor, make_lane, start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    drive,
    let_leases_run_out,
    status_of,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)
OLIVIA = make_actor()
CHAIN = plan(shell("a", "true"), shell("b", "true", "a"), slug="old")
SOUND = plan(shell("a", "true"), slug="sound")


def _make_unreadable(run: Run) -> None:
    """As if the language had changed since."""
    PlanVersion.objects.filter(pk=run.plan_version_id).update(document={"pulser": 0, "slug": "old", "stages": []})
    compiled_plan.cache_clear()


def test_a_queued_run_of_it_at_the_head_of_its_lane_ends_and_the_next_one_runs() -> None:
    lane = make_lane("B", limit=1)
    broken, sound = start(CHAIN, lane=lane), start(SOUND, lane=lane)
    _make_unreadable(broken)

    wake(str(broken.pk))

    assert status_of(broken) == "error"
    assert broken.reason.startswith("plan old@1 can no longer be read: ")
    assert statuses(broken) == {"a": "cancelled", "b": "cancelled"}
    assert_log_folds_to_rows(broken)
    assert drive(sound).status == "success"


def test_a_worker_that_comes_for_another_run_of_the_lane_ends_it_too() -> None:
    lane = make_lane("B", limit=1)
    broken, sound = start(CHAIN, lane=lane), start(SOUND, lane=lane)
    _make_unreadable(broken)

    wake(str(sound.pk))
    wake(str(sound.pk))

    assert (status_of(broken), status_of(sound)) == ("error", "success")


def test_a_step_of_it_that_was_lost_is_not_tried_again_and_again() -> None:
    run = start(CHAIN)
    claimed(run)
    _make_unreadable(run)
    let_leases_run_out(run)

    sweep()

    assert (status_of(run), statuses(run)) == ("error", {"a": "cancelled", "b": "cancelled"})
    assert attempts_of(run, "a")[0].outcome == "cancelled"
    assert_log_folds_to_rows(run)


def test_a_step_of_it_that_was_queued_before_the_upgrade_ends_with_its_run() -> None:
    run = start(CHAIN)
    claimed(run)
    let_leases_run_out(run)
    sweep()
    _make_unreadable(run)

    wake(str(run.pk))

    assert (status_of(run), statuses(run)) == ("error", {"a": "cancelled", "b": "cancelled"})
    assert_log_folds_to_rows(run)


def test_no_run_of_it_can_be_started() -> None:
    _make_unreadable(start(CHAIN))

    with pytest.raises(StartRefused, match="can no longer be read"):
        start(CHAIN)


def test_a_run_of_it_cannot_be_retried_and_says_why() -> None:
    run = start(CHAIN)
    _make_unreadable(run)
    wake(str(run.pk))

    with pytest.raises(MoveRefused, match="can no longer be read"):
        retry(str(run.pk), actor=OLIVIA)
