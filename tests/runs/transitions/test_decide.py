"""What ends a step's waiting: who may, and what follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runs.commands import approve, reject
from runs.errors import Forbidden, MoveRefused, NotFound
from runs.transitions import expire
from runs.transitions.outcomes import (
    Suspended,
)
from tests.factories import make_actor, start
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    event,
    finished,
    kinds,
    let_deadlines_pass,
    status_of,
    statuses,
    step_of,
)
from tests.runs.transitions.plans import GATE

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
ASK = Suspended("approval", "reject", for_s=3600.0, role="operator", message="Go?")


@pytest.mark.parametrize("verb", [approve, reject])
def test_only_who_has_the_role_decides(verb: Callable[..., None]) -> None:
    run = start(GATE)
    finished(claimed(run), ASK)

    with pytest.raises(Forbidden):
        verb(str(run.pk), "gate", actor=make_actor("viewer"))
    assert statuses(run)["gate"] == "waiting"


@pytest.mark.parametrize("verb", [approve, reject])
def test_a_step_that_the_run_has_not_cannot_be_decided(verb: Callable[..., None]) -> None:
    with pytest.raises(NotFound):
        verb(str(start(GATE).pk), "gates", actor=OLIVIA)


def test_an_approval_of_another_role_is_decided_by_it_or_an_admin() -> None:
    run = start(GATE)
    finished(claimed(run), Suspended("approval", "reject", for_s=60.0, role="release-manager"))

    with pytest.raises(Forbidden):
        approve(str(run.pk), "gate", actor=OLIVIA)
    approve(str(run.pk), "gate", actor=make_actor("release-manager", name="rita"), comment="fine")
    assert step_of(run, "gate").outputs == {"decision": "approved", "by": "rita", "comment": "fine"}


def test_a_comment_with_signs_that_cannot_be_stored_is_taken_all_the_same() -> None:
    run = start(GATE)
    finished(claimed(run), ASK)

    approve(str(run.pk), "gate", actor=OLIVIA, comment="a\0b\ud800c")

    assert event(run, "approval.given", step="gate").data["comment"] == "a\ufffdb\ufffdc"
    assert_log_folds_to_rows(run)


def test_an_approved_step_lets_its_followers_run() -> None:
    run = start(GATE)
    finished(claimed(run), ASK)
    assert status_of(run) == "waiting"

    approve(str(run.pk), "gate", actor=OLIVIA)

    assert status_of(run) == "queued"
    finished(claimed(run))
    assert status_of(run) == "success"
    assert_log_folds_to_rows(run)


def test_a_rejected_step_ends_in_error_with_the_reason() -> None:
    run = start(GATE)
    finished(claimed(run), ASK)

    reject(str(run.pk), "gate", actor=OLIVIA, comment="not on a Friday")

    assert status_of(run) == "error"
    assert step_of(run, "gate").reason == "rejected by olivia: not on a Friday"
    (attempt,) = attempts_of(run, "gate")
    assert (attempt.outcome, attempt.error_class) == ("error", "permanent")
    assert_log_folds_to_rows(run)


@pytest.mark.parametrize(
    ("on_timeout", "status", "told"),
    [("approve", "success", True), ("reject", "error", True), ("succeed", "success", False)],
)
def test_a_deadline_decides_when_nobody_does(on_timeout: str, status: str, told: bool) -> None:
    run = start(GATE.replace(', message: "Go?"', ""))
    role = "" if on_timeout == "succeed" else "operator"
    finished(claimed(run), Suspended("timer" if not role else "approval", on_timeout, for_s=60.0, role=role))
    assert not expire(str(run.pk), "gate")
    let_deadlines_pass(run)

    assert expire(str(run.pk), "gate")

    assert statuses(run)["gate"] == status
    assert ("approval.expired" in kinds(run)) == told
    assert_log_folds_to_rows(run)


def test_a_timer_is_nobodys_to_approve() -> None:
    run = start(GATE)
    finished(claimed(run), Suspended("timer", "succeed", for_s=60.0))

    with pytest.raises(MoveRefused):
        approve(str(run.pk), "gate", actor=make_actor("admin"))
