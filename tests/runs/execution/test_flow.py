"""Plans from their start to their end: which steps run, which do not, and why."""

from __future__ import annotations

from typing import Any

import pytest

from runs.models import Run
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import assert_log_folds_to_rows, event, kinds, run_plan, statuses, step_of

pytestmark = pytest.mark.django_db(transaction=True)


def _run(*steps: dict[str, Any], **fields: Any) -> Run:
    run = run_plan(plan(*steps, **fields))
    assert_log_folds_to_rows(run)
    return run


def test_a_run_whose_steps_all_go_well_succeeds() -> None:
    run = _run(shell("a", "echo one"), shell("b", "echo two", "a"))

    assert (run.status, statuses(run)) == ("success", {"a": "success", "b": "success"})
    assert step_of(run, "b").outputs == {"exit_code": 0, "stdout": "two\n", "stderr": ""}
    assert run.created_at <= run.started_at <= step_of(run, "a").attempts.get().started_at
    assert run.finished_at >= step_of(run, "b").attempts.get().finished_at


def test_outputs_flow_from_step_to_step_and_into_the_result() -> None:
    run = _run(
        shell("a", 'echo "n=41" >> "$PULSER_OUTPUT"', outputs={"n": {"type": "integer"}}),
        {"id": "b", "uses": "shell", "needs": ["a"], "with": {"run": ["echo", "it is {{ steps.a.outputs.n + 1 }}"]}},
        outputs={"answer": "{{ steps.b.outputs.stdout | trim }}", "n": "{{ steps.a.outputs.n }}"},
    )

    assert run.result == {"answer": "it is 42", "n": 41}
    assert event(run, "run.succeeded").data == {"result": run.result}


def test_params_reach_the_steps_with_their_defaults() -> None:
    properties = {"who": {"type": "string"}, "greeting": {"type": "string", "default": "hi"}}
    step = {
        "id": "a",
        "uses": "shell",
        "with": {"run": 'echo "$WORDS"', "env": {"WORDS": "{{ params.greeting }} {{ params.who }}"}},
    }

    run = run_plan(plan(step, params={"type": "object", "properties": properties}), {"who": "you"})

    assert step_of(run, "a").outputs["stdout"] == "hi you\n"


def test_a_failure_skips_what_follows_and_lets_the_independent_go_on() -> None:
    run = _run(
        shell("bad", "exit 3", retry=ONCE),
        shell("after", "true", "bad"),
        shell("later", "true", "after"),
        shell("other", "true"),
    )

    assert run.status == "error"
    assert run.reason == "bad failed"
    assert statuses(run) == {"bad": "error", "after": "skipped", "later": "skipped", "other": "success"}
    assert [step_of(run, key).cause for key in ("after", "later")] == ["upstream_failed"] * 2


def test_a_forgiven_failure_leaves_null_and_lets_the_run_succeed() -> None:
    run = _run(
        shell("bad", "exit 3", retry=ONCE, continue_on_error=True),
        shell("after", "echo here", "bad", if_="steps.bad.outputs.stdout == null"),
    )

    assert (run.status, statuses(run)) == ("success", {"bad": "error", "after": "success"})


def test_conditions_choose_what_runs() -> None:
    run = _run(
        shell("bad", "exit 1", retry=ONCE),
        shell("alarm", "true", "bad", if_="failed()"),
        shell("always", "true", "bad", if_="always()"),
        shell("usual", "true", "bad"),
        shell("never", "true", if_=False),
        shell("after-never", "true", "never"),
    )

    assert statuses(run) == {
        "bad": "error",
        "alarm": "success",
        "always": "success",
        "usual": "skipped",
        "never": "skipped",
        "after-never": "skipped",
    }
    assert [step_of(run, key).cause for key in ("never", "after-never")] == ["condition", "upstream_skipped"]


def test_a_condition_that_cannot_be_judged_fails_the_step() -> None:
    run = _run(
        shell("a", 'echo "x=null" >> "$PULSER_OUTPUT"', outputs={"x": {"type": ["integer", "null"]}}),
        shell("b", "true", "a", if_="steps.a.outputs.x > 3"),
    )

    assert (run.status, statuses(run)["b"]) == ("error", "error")
    assert "`if` cannot be evaluated" in step_of(run, "b").reason


def test_a_step_of_another_environment_is_skipped() -> None:
    run = _run(shell("a", "true", environments=["prod"]), shell("b", "true"))

    assert (run.status, statuses(run)) == ("success", {"a": "skipped", "b": "success"})


def test_a_run_whose_steps_are_all_skipped_succeeds() -> None:
    run = _run(shell("a", "true", if_=False), shell("b", "true", "a"), finals=(shell("f", "true", if_="failed()"),))

    assert (run.status, set(statuses(run).values())) == ("success", {"skipped"})


def test_finally_steps_run_after_success_one_after_the_other() -> None:
    run = _run(shell("a", "true"), finals=(shell("f", "true"), shell("g", "true")))

    assert run.status == "success"
    order = [each.step for each in run.events.in_order() if each.kind in ("step.claimed", "step.succeeded")]
    assert order == ["a", "a", "f", "f", "g", "g"]


def test_finally_steps_run_after_failure() -> None:
    run = _run(shell("a", "exit 1", retry=ONCE), finals=(shell("f", "true"), shell("alarm", "true", if_="failed()")))

    assert (run.status, statuses(run)) == ("error", {"a": "error", "f": "success", "alarm": "success"})


def test_a_failing_finally_step_spoils_a_green_run_and_the_next_one_still_runs() -> None:
    run = _run(shell("a", "true"), finals=(shell("f", "exit 1", retry=ONCE), shell("g", "true")))

    assert (run.status, run.reason) == ("error", "f failed")
    assert statuses(run)["g"] == "success"


def test_a_finally_step_sees_what_became_of_the_others() -> None:
    run = _run(
        shell("a", "exit 1", retry=ONCE),
        finals=({"id": "tell", "uses": "shell", "with": {"run": ["echo", "{{ steps.a.status }}"]}},),
    )

    assert step_of(run, "tell").outputs["stdout"] == "error\n"


def test_outputs_that_cannot_be_made_fail_the_run_with_the_reason() -> None:
    run = _run(
        shell("a", 'echo "x=0" >> "$PULSER_OUTPUT"', outputs={"x": {"type": "integer"}}),
        outputs={"y": "{{ 1 / steps.a.outputs.x }}"},
    )

    assert run.status == "error"
    assert "by zero" in run.reason


def test_a_timer_holds_no_worker_and_no_slot() -> None:
    run = _run({"id": "pause", "uses": "wait", "with": {"duration": "1h"}}, shell("after", "true", "pause"))

    assert run.status == "success"
    assert kinds(run).count("run.waiting") == 1
    assert kinds(run, step="pause") == ["step.queued", "step.claimed", "step.suspended", "step.succeeded"]


def test_a_wide_plan_runs_every_step_once() -> None:
    width = 25
    run = _run(*[shell(f"s{n}", "true") for n in range(width)], shell("join", "true", *[f"s{n}" for n in range(width)]))

    assert run.status == "success"
    assert kinds(run).count("step.claimed") == width + 1
    assert run.retry_count == 0
