"""From a claim to an assignment: what the plan says is rendered before anything is done."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from pulser.catalogue import compiled_plan
from pulser.kernel.assignment import VerifyEntry
from pulser.language.catalogue import Effect
from runs.execution.assigning import assign
from runs.execution.workspace import workspace_of
from runs.models import Attempt
from runs.transitions import lose_lease
from tests.factories import start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import (
    ALICE,
    BOB,
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    finished,
    let_leases_run_out,
    log_of,
    run_plan,
)

pytestmark = pytest.mark.django_db(transaction=True)
LIST = {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "string"}}}}


def test_everything_that_the_plan_says_is_rendered() -> None:
    step = {
        "id": "b",
        "uses": "http",
        "needs": ["a"],
        "with": {"url": "{{ steps.a.outputs.url }}", "method": "POST"},
        "verify": [{"regex": {"in": "body", "pattern": "{{ params.word }}"}, "required": False}],
        "artifacts": [{"path": "{{ params.word }}.txt", "name": "it"}],
        "timeout": "3m",
    }
    first = shell("a", "true", outputs={"url": {"type": "string"}})
    params = {"type": "object", "properties": {"word": {"type": "string"}}}
    run = start(plan(first, step, params=params), params={"word": "ok"}, environment="prod")
    before = claimed(run)
    finished(before, None)
    run.steps.filter(key="a").update(outputs={"url": "http://here/"})
    claim = claimed(run)

    assignment = assign(claim, compiled_plan(claim.version_id))

    assert assignment.arguments == {"url": "http://here/", "method": "POST"}
    assert assignment.verify == (VerifyEntry("regex", {"in": "body", "pattern": "ok"}, required=False),)
    assert [(spec.path, spec.name) for spec in assignment.artifacts] == [("ok.txt", "it")]
    assert (assignment.effect, assignment.timeout_s, assignment.environment) == (Effect.IRREVERSIBLE, 180, "prod")
    assert (assignment.workdir, assignment.settings) == (workspace_of(str(run.pk)), settings.TOOL_SETTINGS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"artifacts": [{"path": "{{ params.list[3] }}"}]}, "the artifact's path cannot be rendered: ", id="artifact"
        ),
        pytest.param(
            {"verify": [{"regex": {"pattern": "{{ params.list[3] }}"}}]},
            "the config of the verifier regex cannot be rendered: ",
            id="verifier",
        ),
    ],
)
def test_what_cannot_be_rendered_is_a_permanent_error_before_the_call(fields: dict[str, Any], message: str) -> None:
    run = run_plan(plan(shell("a", "echo called", **fields), params=LIST), {"list": []})

    (attempt,) = attempts_of(run, "a")
    assert attempt.error_class == "permanent"
    assert attempt.error_message.startswith(message)
    assert log_of(run, "a") == b""
    assert_log_folds_to_rows(run)


def test_a_fault_of_ours_while_assigning_ends_the_attempt_and_not_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.execution.assigning.render", lambda *_: 1 / 0)

    run = run_plan(plan(shell("a", "true", retry=ONCE)))

    (attempt,) = attempts_of(run, "a")
    assert (attempt.error_class, attempt.error_message) == ("failed", "ZeroDivisionError: division by zero")
    assert b"ZeroDivisionError" in log_of(run, "a")
    assert attempt.log_bytes == len(log_of(run, "a"))


def test_only_groups_of_this_host_are_left_over() -> None:
    run = start(plan(shell("a", "true")))
    for holder, group in ((ALICE, 11), (BOB, 12)):
        claim = claimed(run, holder)
        Attempt.objects.filter(pk=claim.attempt_id).update(process_group=group)
        let_leases_run_out(run)
        assert lose_lease(str(run.pk), "a", number=claim.number)
    Attempt.objects.filter(process_group=12).update(host="elsewhere")
    claim = claimed(run)

    assert assign(claim, compiled_plan(claim.version_id)).leftover_groups == (11,)
