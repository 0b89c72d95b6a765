"""What comes next: one table for a ready step, one for a run of which nothing can be claimed."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.engine.advance import EndedStep, RunFacts, StepCounts, advance, conclude, has_failed
from pulser.engine.commands import Command, Finish, Refuse, Release, Skip, Wait
from pulser.engine.states import RunStatus
from tests.pulser.engine.plans import fact, graph, step

FAILED, SKIPPED = "upstream_failed", "upstream_skipped"
AFTER_FAILURE, BY_CONDITION = fact("skipped", FAILED), fact("skipped", "condition")

READY = [  # the step's fields, how `a` and `b` ended, the verdict, the reason for it
    ({}, fact("success"), fact("success"), "release", "all went well"),
    ({}, fact("error"), fact("success"), FAILED, "what it needs failed"),
    ({}, fact("success"), fact("cancelled"), FAILED, "what it needs was cancelled"),
    ({}, AFTER_FAILURE, fact("success"), FAILED, "the failure is further up"),
    ({}, BY_CONDITION, fact("success"), SKIPPED, "what it needs was skipped, without a failure"),
    ({}, BY_CONDITION, fact("error"), FAILED, "a failure counts more than a skip, whatever the order"),
    ({"if_": True}, fact("success"), fact("success"), "release", "a plain true"),
    ({"if_": False}, fact("success"), fact("success"), "condition", "a plain false"),
    ({"if_": "params.go"}, fact("success"), fact("success"), "release", "a param that is true"),
    ({"if_": "not params.go"}, fact("success"), fact("success"), "condition", "a param that is true, negated"),
    ({"if_": "always()"}, fact("error"), fact("success"), "release", "always() hears of no failure"),
    ({"if_": "always()"}, BY_CONDITION, fact("success"), "release", "always() hears of no skip"),
    ({"if_": "failed()"}, fact("error"), fact("success"), "release", "failed() is what it waits for"),
    ({"if_": "failed()"}, AFTER_FAILURE, fact("success"), "release", "failed() hears of failures further up"),
    ({"if_": "failed()"}, fact("success"), fact("success"), "condition", "nothing failed"),
    ({"if_": "failed()"}, BY_CONDITION, fact("success"), "condition", "a skip is no failure"),
    ({"if_": "success()"}, fact("error"), fact("success"), FAILED, "success() is the default, said aloud"),
    ({"if_": "always() and params.go"}, fact("error"), fact("success"), "release", "both hold"),
    ({"if_": "steps.a.outputs.ok"}, fact("success", "", {"ok": True}), fact("success"), "release", "an output"),
    ({"if_": "steps.a.outputs.ok"}, fact("success", "", {"ok": False}), fact("success"), "condition", "an output"),
    ({"if_": "steps.a.status == 'success'"}, fact("success"), fact("success"), "release", "a status"),
    ({"if_": "steps.a.outputs.no"}, fact("success", "", {}), fact("success"), "refuse", "an output that is not there"),
    ({"environments": ["prod"]}, fact("success"), fact("success"), "environment", "not here"),
    ({"environments": ["prod"], "if_": "always()"}, fact("error"), fact("error"), "environment", "never here"),
    ({"environments": ["dev", "prod"]}, fact("success"), fact("success"), "release", "here as well"),
]


@pytest.mark.parametrize(("fields", "a", "b", "verdict", "reason"), READY)
def test_a_ready_step_is_judged(fields: dict[str, Any], a: EndedStep, b: EndedStep, verdict: str, reason: str) -> None:
    plan = graph(step("a"), step("b"), step("c", "a", "b", **fields))
    facts = RunFacts({"params": {"go": True}}, {"a": a, "b": b}, "dev")

    assert [_word(command) for command in advance(plan, facts, ready=["c"])] == [verdict], reason


def _word(command: Command) -> str:
    match command:
        case Skip(cause=cause):
            return cause
        case _:
            return type(command).__name__.lower()


def test_a_failure_that_the_plan_forgives_counts_as_none() -> None:
    plan = graph(step("a", continue_on_error=True), step("b", "a"), step("c", "a", if_="failed()"))

    commands = advance(plan, RunFacts(steps={"a": fact("error")}), ready=["b", "c"])

    assert [_word(command) for command in commands] == ["release", "condition"]


def test_outputs_of_a_forgiven_failure_are_null() -> None:
    plan = graph(step("a", continue_on_error=True), step("b", "a", if_="steps.a.outputs.x == null"))

    assert advance(plan, RunFacts(steps={"a": fact("error")}), ready=["b"]) == [Release("b")]


def test_commands_come_in_plan_order() -> None:
    plan = graph(step("z"), step("a"), step("m"))

    assert advance(plan, RunFacts(), ready=["m", "a", "z"]) == [Release("z"), Release("a"), Release("m")]


def test_a_skip_says_which_step_is_to_blame() -> None:
    plan = graph(step("a"), step("b", "a"))

    assert advance(plan, RunFacts(steps={"a": fact("error")}), ready=["b"]) == [Skip("b", FAILED, "a failed")]


FINALLY = graph(
    step("main"),
    step("forgiven", continue_on_error=True),
    finals=(step("tidy"), step("alarm", if_="failed()"), step("broken", if_="params.unheard_of")),
)
CONCLUSIONS = [  # how the steps stand, what the engine says, the reason
    (StepCounts(busy=1), None, "somebody is at work"),
    (StepCounts(busy=1, paused=1, next_final="tidy"), None, "one works, one waits: the slot is kept"),
    (StepCounts(paused=1), Wait(), "only a person or a timer can go on"),
    (StepCounts(paused=1, next_final="tidy"), Wait(), "`finally` comes after the waiting ones"),
    (StepCounts(next_final="tidy"), Release("tidy"), "all is done, now tidy up"),
    (StepCounts(next_final="tidy", failed=("main",)), Release("tidy"), "`finally` runs after a failure"),
    (
        StepCounts(next_final="alarm"),
        Skip("alarm", "condition", "`if` is false: failed()"),
        "there is nothing to report",
    ),
    (StepCounts(next_final="alarm", failed=("main",)), Release("alarm"), "a failure is reported"),
    (StepCounts(next_final="alarm", stop="cancel"), Release("alarm"), "a cancelled run counts as failed"),
    (StepCounts(), Finish(RunStatus.SUCCESS), "all went well"),
    (StepCounts(failed=("forgiven",)), Finish(RunStatus.SUCCESS), "the failure is forgiven"),
    (StepCounts(failed=("main",)), Finish(RunStatus.ERROR, "main failed"), "a failure"),
    (
        StepCounts(failed=("tidy", "main")),
        Finish(RunStatus.ERROR, "main failed"),
        "the first one in plan order is named",
    ),
    (StepCounts(failed=("tidy",)), Finish(RunStatus.ERROR, "tidy failed"), "a failed `finally` spoils a green run"),
    (StepCounts(stop="cancel"), Finish(RunStatus.CANCELLED), "cancelled, though all had ended well"),
    (StepCounts(stop="cancel", failed=("main",)), Finish(RunStatus.CANCELLED), "the person's word counts"),
    (StepCounts(stop="timeout"), Finish(RunStatus.ERROR, "the plan timed out"), "too late"),
]


@pytest.mark.parametrize(("counts", "expected", "reason"), CONCLUSIONS)
def test_a_run_of_which_nothing_can_be_claimed(counts: StepCounts, expected: Command | None, reason: str) -> None:
    facts = RunFacts({"params": {}}, failed=has_failed(FINALLY, counts.failed, stop=counts.stop))

    assert conclude(FINALLY, counts, facts=facts) == expected, reason


def test_a_finally_step_whose_if_cannot_be_judged_is_refused() -> None:
    command = conclude(FINALLY, StepCounts(next_final="broken"), facts=RunFacts({"params": {}}))

    assert isinstance(command, Refuse)
    assert "unheard_of" in command.reason


def test_pending_steps_with_nothing_under_way_are_a_fault_not_a_silence() -> None:
    with pytest.raises(ValueError, match="2 steps are pending"):
        conclude(FINALLY, StepCounts(pending=2), facts=RunFacts())
