"""Claimed is not proved: verifiers decide, and what a step must leave has to be there."""

from __future__ import annotations

import hashlib

import pytest
from django.core.files.storage import default_storage

from runs.models import Artifact, Proof, Run
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import assert_log_folds_to_rows, attempts_of, event, kinds, run_plan, statuses, step_of

pytestmark = pytest.mark.django_db(transaction=True)


def _proofs(run: Run) -> list[tuple[str, bool]]:
    return list(Proof.objects.filter(step__run=run).values_list("verifier", "passed"))


def test_a_step_that_ends_with_zero_and_does_not_prove_it_is_in_error() -> None:
    passed = {"regex": {"in": "stdout", "pattern": r"\d+ passed"}}
    run = run_plan(plan(shell("test", "echo 0 tests", verify=[{"exit_code": 0}, passed], retry=ONCE)))

    assert (run.status, _proofs(run)) == ("error", [("exit_code", True), ("regex", False)])
    assert step_of(run, "test").reason.startswith("regex: ")
    assert attempts_of(run, "test")[0].exit_code == 0
    assert_log_folds_to_rows(run)


def test_a_step_that_proves_it_succeeds_and_the_evidence_is_kept() -> None:
    run = run_plan(plan(shell("test", "echo 12 passed", verify=[{"regex": {"pattern": r"\d+ passed"}}])))

    assert run.status == "success"
    assert Proof.objects.get(step__run=run).evidence["match"] == {"offset": 0, "text": "12 passed"}
    assert event(run, "proof.recorded", step="test").data["passed"] is True


def test_each_attempt_is_proved_anew() -> None:
    script = "echo x >> n; wc -l < n"
    run = run_plan(plan(shell("a", script, verify=[{"regex": {"pattern": "^2"}}])))

    assert run.status == "success"
    assert list(Proof.objects.values_list("attempt", "passed")) == [(1, False), (2, True)]


def test_a_verifier_that_is_not_required_only_warns() -> None:
    warns = {"regex": {"pattern": "lovely"}, "required": False}
    run = run_plan(plan(shell("a", "echo fine", verify=[warns])))

    assert (run.status, _proofs(run)) == ("success", [("regex", False)])
    assert event(run, "proof.recorded", step="a").data["required"] is False


def test_the_exit_code_that_the_plan_names_is_the_right_one() -> None:
    run = run_plan(plan(shell("a", "exit 3", verify=[{"exit_code": 3}]), shell("b", "true", "a")))

    assert (run.status, statuses(run)) == ("success", {"a": "success", "b": "success"})
    assert (step_of(run, "a").outputs["exit_code"], attempts_of(run, "a")[0].exit_code) == (3, 3)


def test_an_exit_code_of_zero_is_wrong_where_the_plan_names_another() -> None:
    run = run_plan(plan(shell("a", "true", verify=[{"exit_code": 3}], retry=ONCE)))

    assert (run.status, _proofs(run)) == ("error", [("exit_code", False)])


def test_without_a_verdict_on_it_a_bad_exit_code_is_a_failure() -> None:
    run = run_plan(plan(shell("a", "echo 5 passed; exit 1", verify=[{"regex": {"pattern": "passed"}}], retry=ONCE)))

    assert (run.status, _proofs(run)) == ("error", [])


def test_an_artifact_is_kept_with_its_digest() -> None:
    run = run_plan(plan(shell("a", "printf 'one,two' > t.csv", artifacts=[{"path": "t.csv", "kind": "table"}])))

    kept = Artifact.objects.get(run=run)
    assert (kept.name, kept.kind, kept.size, kept.media_type) == ("t.csv", "table", 7, "text/csv")
    assert kept.sha256 == hashlib.sha256(b"one,two").hexdigest()
    with default_storage.open(kept.content.name) as content:
        assert content.read() == b"one,two"


def test_an_artifact_that_is_missing_fails_the_step() -> None:
    run = run_plan(plan(shell("a", "true", artifacts=[{"path": "report.xml"}], retry=ONCE)))

    assert run.status == "error"
    assert "report.xml was not written" in step_of(run, "a").reason


def test_an_artifact_of_a_failed_attempt_is_kept_as_well() -> None:
    run = run_plan(plan(shell("a", "echo why > report; exit 1", artifacts=[{"path": "report"}], retry=ONCE)))

    assert run.status == "error"
    assert Artifact.objects.get(run=run).size == 4


@pytest.mark.parametrize("script", ["ln -s /etc/passwd out", "mkdir out", "ln -s out out"])
def test_an_artifact_outside_of_the_workspace_or_no_file_is_refused(script: str) -> None:
    run = run_plan(plan(shell("a", script, artifacts=[{"path": "out"}], retry=ONCE)))

    assert run.status == "error"
    assert not Artifact.objects.exists()


def test_two_artifacts_of_one_name_are_an_error_that_says_so() -> None:
    both = [{"path": "a/report.xml"}, {"path": "b/report.xml"}]
    run = run_plan(plan(shell("s", "mkdir a b; touch a/report.xml b/report.xml", artifacts=both, retry=ONCE)))

    assert run.status == "error"
    assert "two artifacts are named report.xml" in step_of(run, "s").reason


def test_an_artifact_with_a_very_long_name_fails_the_step_and_not_the_worker() -> None:
    name = "n" * 250
    run = run_plan(plan(shell("s", f"touch {name}", artifacts=[{"path": name}], retry=ONCE)))

    assert run.status == "error"
    assert kinds(run, step="s")[-1] == "step.failed"


def test_the_same_artifact_of_two_attempts_is_kept_twice() -> None:
    script = "echo x >> n; cp n out; test $(wc -l < n) -ge 2"
    run = run_plan(plan(shell("a", script, artifacts=[{"path": "out"}])))

    assert run.status == "success"
    assert list(Artifact.objects.values_list("attempt", "size").order_by("attempt")) == [(1, 2), (2, 4)]
