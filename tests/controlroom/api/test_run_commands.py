from __future__ import annotations

from typing import Any

import pytest

from runs.models import Run
from tests.controlroom.api.callers import Caller, as_role, problem_in
from tests.factories import make_plan, make_run, put_step, start

TWO = """
pulser: 1
slug: two-steps
steps:
  - {id: one, uses: shell, with: {run: "true"}}
  - {id: two, uses: shell, needs: [one], with: {run: "true"}}
"""
ASKING = """
pulser: 1
slug: asking
steps:
  - {id: ask, uses: approval, with: {role: admin, message: "Go?"}}
"""


def failed_run() -> Run:
    return make_run(source=TWO, status="error", steps={"one": "success", "two": "error"})


def test_a_retry_queues_the_same_run_again(operator: Caller) -> None:
    run = failed_run()
    answer = operator.post(f"/runs/{run.pk}/retry")
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (200, str(run.pk), "queued")
    assert [step["status"] for step in answer.json()["steps"]] == ["success", "pending"]


def test_a_retry_may_name_the_step_to_begin_with(operator: Caller) -> None:
    answer = operator.post(f"/runs/{failed_run().pk}/retry", {"from": "one"})
    assert [step["status"] for step in answer.json()["steps"]] == ["pending", "pending"]


@pytest.mark.parametrize("wanted", [{"from": "start"}, {"params": {}}, {"version": 1}, {"from": "start", "version": 1}])
def test_other_values_make_a_linked_new_run(operator: Caller, wanted: dict[str, Any]) -> None:
    run = failed_run()
    answer = operator.post(f"/runs/{run.pk}/retry", wanted)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/runs/{answer.json()['id']}"
    assert Run.objects.get(pk=answer.json()["id"]).parent_id == run.pk


@pytest.mark.parametrize(
    ("wanted", "status", "why"),
    [
        ({"from": "nowhere"}, 404, "there is no such step"),
        ({"from": "one", "params": {}}, 422, "other params begin at the start"),
        ({"version": 9}, 404, "there is no such version"),
        ({"version": 0}, 422, "versions count from 1"),
        ({"from": ""}, 422, "an empty name is none"),
        ({"form": "one"}, 422, "a slip"),
        ({"params": {"surplus": 1}}, 201, "a schema that says nothing allows anything"),
    ],
)
def test_what_a_retry_takes(operator: Caller, wanted: dict[str, Any], status: int, why: str) -> None:
    assert operator.post(f"/runs/{failed_run().pk}/retry", wanted).status_code == status, why


def test_a_cancel_ends_a_run_that_nobody_has_in_hand(operator: Caller) -> None:
    answer = operator.post(f"/runs/{start().pk}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


def test_an_ended_run_is_hidden_and_shown_again(operator: Caller) -> None:
    run = failed_run()
    assert operator.post(f"/runs/{run.pk}/archive").status_code == 200
    assert operator.get("/runs").json()["items"] == []
    assert operator.post(f"/runs/{run.pk}/unarchive").status_code == 200
    assert len(operator.get("/runs").json()["items"]) == 1


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        ("queued", "retry"),
        ("running", "retry"),
        ("success", "retry"),
        ("success", "cancel"),
        ("error", "cancel"),
        ("cancelled", "cancel"),
        ("queued", "archive"),
        ("running", "archive"),
        ("waiting", "archive"),
        ("success", "unarchive"),
    ],
)
def test_a_move_that_is_not_possible_now_answers_409_with_the_reason(operator: Caller, status: str, verb: str) -> None:
    run = make_run(status=status)
    document = problem_in(operator.post(f"/runs/{run.pk}/{verb}"), 409)
    assert document["detail"] and "errors" not in document
    assert Run.objects.get(pk=run.pk).seq == run.seq


def asking_run() -> Run:
    run = make_run(source=ASKING, status="waiting")
    put_step(run, "ask", "waiting", wait_role="admin")
    return run


@pytest.mark.parametrize(("verb", "status"), [("approve", "success"), ("reject", "error")])
def test_who_has_the_role_decides(verb: str, status: str, db: None) -> None:
    run = asking_run()
    answer = as_role("admin").post(f"/runs/{run.pk}/steps/ask/{verb}", {"comment": "as agreed"})
    assert (answer.status_code, answer.json()["steps"][0]["status"]) == (200, status)
    assert "as agreed" in str(list(run.events.values_list("data", flat=True)))


def test_who_lacks_the_role_does_not_decide(operator: Caller) -> None:
    run = asking_run()
    problem_in(operator.post(f"/runs/{run.pk}/steps/ask/approve"), 403)
    assert run.steps.get().status == "waiting"


def test_only_what_waits_is_decided(db: None) -> None:
    admin, run = as_role("admin"), start(TWO)
    problem_in(admin.post(f"/runs/{run.pk}/steps/one/approve"), 409)
    problem_in(admin.post(f"/runs/{run.pk}/steps/three/approve"), 404)
    problem_in(admin.post(f"/runs/{run.pk}/steps/one/reject", {"comment": "x" * 2001}), 422)


VERBS = ["retry", "cancel", "archive", "unarchive", "steps/one/approve", "steps/one/reject"]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_unknown_runs_answer_404(operator: Caller, verb: str) -> None:
    make_plan(TWO)
    for run_id in ("0" * 32, "none"):
        problem_in(operator.post(f"/runs/{run_id}/{verb}"), 404)


@pytest.mark.parametrize("verb", VERBS)
def test_a_viewer_moves_nothing(viewer: Caller, verb: str) -> None:
    run = failed_run()
    put_step(run, "one", "waiting")
    problem_in(viewer.post(f"/runs/{run.pk}/{verb}"), 403)
    assert Run.objects.get(pk=run.pk).seq == run.seq
