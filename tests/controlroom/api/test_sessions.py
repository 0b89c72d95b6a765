from __future__ import annotations

from typing import Any

import pytest

from controlroom.api.schemas import SessionOut
from runs.models import Session
from tests.controlroom.api.callers import Caller, problem_in
from tests.factories import make_plan, make_session


def test_a_session_is_opened_and_takes_runs(operator: Caller) -> None:
    make_plan(slug="hello")
    answer = operator.post("/sessions", {"name": " Night shift "})
    session = SessionOut.model_validate(answer.json())
    assert (answer.status_code, session.name) == (201, "Night shift")
    assert operator.post("/runs", {"plan": "hello", "session": session.id}).json()["session"] == session.id


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "  "}, {"name": 5}, {"name": "x" * 201}, {"name": "a\0"}, {"title": "x"}, []]
)
def test_a_session_without_a_proper_name_is_refused(operator: Caller, body: Any) -> None:
    before = Session.objects.count()
    problem_in(operator.post("/sessions", body), 422)
    assert Session.objects.count() == before


def test_a_name_is_taken_once(operator: Caller) -> None:
    make_session("night")
    assert problem_in(operator.post("/sessions", {"name": "night"}), 422)["errors"][0]["path"] == "body.name"


def test_an_archived_session_is_hidden_until_it_is_taken_back(operator: Caller) -> None:
    session = make_session("night")

    def names(**query: str) -> list[str]:
        return [item["name"] for item in operator.get("/sessions", **query).json()["items"]]

    assert operator.post(f"/sessions/{session.pk}/archive").json()["archived_at"] is not None
    assert (names(), names(archived="true"), names(archived="all")) == (["default"], ["night"], ["night", "default"])
    assert operator.post(f"/sessions/{session.pk}/unarchive").json()["archived_at"] is None
    assert names() == ["night", "default"]


def test_moves_that_are_not_possible_answer_409(operator: Caller) -> None:
    session = make_session("night")
    problem_in(operator.post(f"/sessions/{session.pk}/unarchive"), 409)
    operator.post(f"/sessions/{session.pk}/archive")
    problem_in(operator.post(f"/sessions/{session.pk}/archive"), 409)
    problem_in(operator.post(f"/sessions/{make_session().pk}/archive"), 409)


@pytest.mark.parametrize("session_id", ["0", "999999", "x", "9" * 30, "-1", "é"])
def test_an_id_of_no_session_answers_404(operator: Caller, session_id: str) -> None:
    problem_in(operator.post(f"/sessions/{session_id}/archive"), 404)
