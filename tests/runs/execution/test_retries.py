"""What is tried again: by itself with growing pauses, and by the button."""

from __future__ import annotations

import pytest

from runs.commands import approve, reject, retry
from runs.execution.sweep import sweep
from runs.models import Event
from tests.factories import make_actor, start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import (
    assert_log_folds_to_rows,
    attempts_of,
    drive,
    event,
    kinds,
    let_deadlines_pass,
    run_plan,
    statuses,
    step_of,
)

pytestmark = pytest.mark.django_db(transaction=True)
OLIVIA = make_actor()

COUNT = 'n=$(cat n 2>/dev/null || echo 0); n=$((n + 1)); echo "$n" > n; '


def _until(attempt: int) -> str:
    """A script that fails until its so many-th attempt."""
    return COUNT + f'test "$n" -ge {attempt}'


def test_a_step_that_works_at_the_third_attempt_succeeds() -> None:
    run = run_plan(plan(shell("a", _until(3))))

    assert (run.status, run.retry_count) == ("success", 2)
    assert [attempt.outcome for attempt in attempts_of(run, "a")] == ["error", "error", "success"]
    assert [attempt.cause for attempt in attempts_of(run, "a")] == ["first", "retry", "retry"]
    assert_log_folds_to_rows(run)


def test_pauses_grow_and_are_told() -> None:
    run = run_plan(plan(shell("a", "exit 1")))

    told = Event.objects.filter(run=run, kind="step.backed_off").in_order()
    first, second, third = (each.data["delay_s"] for each in told)
    assert 2.5 <= first <= 5 <= second <= 10 <= third <= 20
    assert run.retry_count == 3


def test_a_step_is_tried_four_times_by_default_and_then_fails() -> None:
    run = run_plan(plan(shell("a", "echo no >&2; exit 7")))

    assert (run.status, len(attempts_of(run, "a"))) == ("error", 4)
    failed = event(run, "step.failed", step="a").data
    assert failed == {"reason": "exit code 7: no", "error_class": "failed", "exit_code": 7}
    assert attempts_of(run, "a")[3].exit_code == 7


def test_the_plans_policy_holds_for_steps_without_their_own() -> None:
    run = run_plan(plan(shell("a", "exit 1"), shell("b", "exit 1", retry=ONCE), retry={"max_attempts": 2}))

    assert (len(attempts_of(run, "a")), len(attempts_of(run, "b"))) == (2, 1)


def test_a_permanent_error_is_not_tried_again() -> None:
    run = run_plan(plan(shell("a", "/no/such/program")))

    (attempt,) = attempts_of(run, "a")
    assert (attempt.error_class, attempt.exit_code) == ("permanent", 127)


def test_a_timeout_is_an_error_class_of_its_own() -> None:
    run = run_plan(plan(shell("a", "sleep 30", timeout=0.3, retry={"max_attempts": 2, "on": ["timeout"]})))

    assert [attempt.error_class for attempt in attempts_of(run, "a")] == ["timeout", "timeout"]


def test_an_irreversible_step_is_tried_once_unless_it_asks_for_more() -> None:
    run = run_plan(
        plan(
            shell("once", "exit 1", effect="irreversible"),
            shell("twice", "exit 1", effect="irreversible", retry={"max_attempts": 2}),
        )
    )

    assert (len(attempts_of(run, "once")), len(attempts_of(run, "twice"))) == (1, 2)


def test_the_button_runs_only_what_failed_and_what_followed_with_a_fresh_budget() -> None:
    run = run_plan(
        plan(
            shell("good", "true"),
            shell("bad", _until(3), "good", retry={"max_attempts": 2}),
            shell("after", "true", "bad"),
            finals=(shell("tidy", "true"),),
        )
    )
    assert (run.status, run.retry_count) == ("error", 1)

    retry(str(run.pk), actor=OLIVIA)
    drive(run)

    assert (run.status, run.retry_count) == ("success", 3)  # bad twice beyond its first, tidy once
    assert [len(attempts_of(run, key)) for key in ("good", "bad", "after", "tidy")] == [1, 3, 1, 2]
    assert attempts_of(run, "bad")[2].cause == "button"
    assert event(run, "run.retried").data == {"by": "olivia", "from": None, "steps": ["bad", "after", "tidy"]}
    assert_log_folds_to_rows(run)


def test_the_button_gives_as_many_attempts_as_the_first_time() -> None:
    run = run_plan(plan(shell("a", "exit 1", retry={"max_attempts": 2})))

    retry(str(run.pk), actor=OLIVIA)
    drive(run)

    assert (run.status, run.retry_count, len(attempts_of(run, "a"))) == ("error", 3, 4)
    assert_log_folds_to_rows(run)


def test_the_button_from_an_earlier_step_repeats_it() -> None:
    run = run_plan(plan(shell("a", "true"), shell("b", _until(2), "a", retry=ONCE)))

    retry(str(run.pk), actor=OLIVIA, start="a")
    drive(run)

    assert (run.status, len(attempts_of(run, "a")), len(attempts_of(run, "b"))) == ("success", 2, 2)


GATE = plan(
    {"id": "gate", "uses": "approval", "with": {"role": "operator", "message": "Release {{ run.title }}?"}},
    {"id": "tell", "uses": "shell", "needs": ["gate"], "with": {"run": ["echo", "{{ steps.gate.outputs.by }}"]}},
    title="Drill",
)


def test_an_approved_run_goes_on_and_knows_by_whom() -> None:
    run = run_plan(GATE)
    asked = event(run, "approval.requested", step="gate").data
    assert asked["until"].endswith("Z")
    assert (run.status, asked["role"], asked["message"]) == ("waiting", "operator", "Release Drill?")

    approve(str(run.pk), "gate", actor=OLIVIA, comment="go")
    drive(run)

    assert (run.status, step_of(run, "tell").outputs["stdout"]) == ("success", "olivia\n")
    assert_log_folds_to_rows(run)


def test_a_rejected_run_ends_in_error() -> None:
    run = run_plan(GATE)

    reject(str(run.pk), "gate", actor=OLIVIA, comment="no")
    drive(run)

    assert (run.status, statuses(run)) == ("error", {"gate": "error", "tell": "skipped"})
    assert_log_folds_to_rows(run)


def test_a_rejected_run_can_be_retried_and_asks_again() -> None:
    run = run_plan(GATE)
    reject(str(run.pk), "gate", actor=OLIVIA)

    retry(str(run.pk), actor=OLIVIA)
    drive(run)

    assert run.status == "waiting"
    assert kinds(run).count("approval.requested") == 2


@pytest.mark.parametrize(("on_timeout", "status"), [("approve", "success"), ("reject", "error")])
def test_an_approval_that_nobody_gives_expires(on_timeout: str, status: str) -> None:
    gate = {"id": "gate", "uses": "approval", "with": {"timeout": "1h", "on_timeout": on_timeout}}
    run = run_plan(plan(gate))
    let_deadlines_pass(run)

    sweep()

    run.refresh_from_db()
    assert run.status == status
    assert event(run, "approval.expired", step="gate").data == {"then": on_timeout}
    assert_log_folds_to_rows(run)


def test_two_approvals_are_given_in_any_order() -> None:
    gates = [{"id": key, "uses": "approval", "with": {}} for key in ("one", "two")]
    run = drive(start(plan(*gates, shell("after", "true", "one", "two"))))

    approve(str(run.pk), "two", actor=OLIVIA)
    assert drive(run).status == "waiting"
    approve(str(run.pk), "one", actor=OLIVIA)

    assert drive(run).status == "success"
    assert_log_folds_to_rows(run)
