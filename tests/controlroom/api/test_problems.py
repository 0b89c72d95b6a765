"""What all calls have in common: who may not, and how a refusal looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlroom.api import runs as run_calls
from runs.accounts.models import ApiToken
from runs.errors import Busy
from tests.controlroom.api.callers import Caller, problem_in
from tests.controlroom.api.conftest import Rows
from tests.factories import make_plan, make_token, make_user, start

READS = ["/runs", "/runs/{run}", "/runs/{run}/events", "/runs/{run}/log", "/runs/{run}/artifacts"]
READS += ["/runs/{run}/artifacts/1/content", "/sessions", "/plans", "/plans/hello"]
READS += ["/lanes", "/status"]
ACTS = ["/runs", "/runs/{run}/retry", "/runs/{run}/cancel", "/runs/{run}/archive", "/runs/{run}/unarchive"]
ACTS += ["/runs/{run}/steps/greet/approve", "/runs/{run}/steps/greet/reject", "/sessions", "/sessions/1/archive"]
ACTS += ["/sessions/1/unarchive", "/plans", "/plans/check", "/hooks/hello"]
CALLS = [("GET", path) for path in READS] + [("POST", path) for path in ACTS] + [("PATCH", "/lanes/A")]


def revoked() -> str:
    secret = make_token("admin")
    ApiToken.objects.update(revoked_at=timezone.now())
    return secret


def expired() -> str:
    secret = make_token("admin")
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    return secret


BAD_TOKENS = {"none": str, "wrong": lambda: "cr_wrong", "revoked": revoked, "expired": expired, "odd": lambda: "é\x7f"}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_no_call_answers_without_a_good_token(kind: str, rows: Rows) -> None:
    run = start(version=make_plan(slug="hello"))
    caller, before = Caller(BAD_TOKENS[kind]()), rows()
    for method, path in CALLS:
        answer = caller.send(method, path.format(run=run.pk), {} if method != "GET" else None)
        problem_in(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer", path
    assert rows() == before


@pytest.mark.parametrize("path", [path for path in ACTS if path not in {"/plans/check"}])
def test_a_viewer_does_nothing(viewer: Caller, rows: Rows, path: str) -> None:
    run = start(version=make_plan(slug="hello"))
    before = rows()
    answer = viewer.send("POST", path.format(run=run.pk), {})
    assert answer.status_code == 409 or problem_in(answer, 403), path
    assert rows() == before


def test_a_session_cookie_is_no_token(db: None) -> None:
    """Else any page that an operator visits could start runs for them."""
    client = Client()
    client.force_login(make_user("admin"))
    assert client.get("/api/v1/runs").status_code == 401
    assert client.post("/api/v1/runs", {"plan": "x"}, content_type="application/json").status_code == 401


NO_CALLS = ["/api/", "/api/v1", "/api/v1/", "/api/v2/runs", "/api/v1/run", "/api/v1/runs/", "/api/x"]


@pytest.mark.parametrize("path", NO_CALLS)
def test_an_unknown_path_answers_by_a_problem_document(client: Client, path: str) -> None:
    document = problem_in(client.get(path), 404)
    assert document["instance"] == path


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/runs", {"GET", "POST"}),
        ("PUT", "/lanes/A", {"PATCH"}),
        ("GET", "/runs/0/retry", {"POST"}),
        ("POST", "/runs/0/events/stream", {"GET"}),
    ],
)
def test_a_method_that_is_none_answers_405(operator: Caller, method: str, path: str, allowed: set[str]) -> None:
    answer = operator.send(method, path)
    problem_in(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_a_body_of_the_wrong_type_answers_415(operator: Caller) -> None:
    for path in ("/runs", "/sessions", f"/runs/{start().pk}/retry"):
        document = problem_in(operator.post(path, "a=b", type="application/x-www-form-urlencoded"), 415)
        assert "application/json" in document["detail"]


def test_json_that_is_no_json_is_told_with_its_place(operator: Caller) -> None:
    (error,) = problem_in(operator.post("/runs", '{"plan":\n oops}'), 422)["errors"]
    assert (error["line"], error["column"]) == (2, 2)


def test_too_much_at_once_says_when_to_come_back(operator: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    make_plan(slug="hello")

    def busy(*_args: Any, **_wanted: Any) -> None:
        raise Busy

    monkeypatch.setattr(run_calls, "start_run", busy)
    answer = operator.post("/runs", {"plan": "hello"})
    problem_in(answer, 429)
    assert int(answer.headers["Retry-After"]) > 0


def test_our_own_fault_is_a_problem_document_without_its_inside(
    operator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plan(slug="hello")

    def broken(*_args: Any, **_wanted: Any) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(run_calls, "start_run", broken)
    answer = operator.post("/runs", {"plan": "hello"})
    assert "secret" not in str(problem_in(answer, 500))


def test_the_use_of_a_token_is_noted_once_a_minute(operator: Caller, django_assert_num_queries: Any) -> None:
    operator.get("/lanes")
    assert ApiToken.objects.get().last_used_at is not None
    with django_assert_num_queries(2):  # the token, the lanes
        operator.get("/lanes")
