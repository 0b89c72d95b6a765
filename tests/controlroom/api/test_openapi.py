from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

PREFIX = "/api/v1"
CALLS = {
    "POST /hooks/{slug}",
    "POST /runs",
    "GET /runs",
    "GET /runs/{run_id}",
    "POST /runs/{run_id}/retry",
    "POST /runs/{run_id}/cancel",
    "POST /runs/{run_id}/archive",
    "POST /runs/{run_id}/unarchive",
    "POST /runs/{run_id}/steps/{step}/approve",
    "POST /runs/{run_id}/steps/{step}/reject",
    "GET /runs/{run_id}/events",
    "GET /runs/{run_id}/events/stream",
    "GET /runs/{run_id}/log",
    "GET /runs/{run_id}/artifacts",
    "GET /runs/{run_id}/artifacts/{artifact_id}/content",
    "GET /sessions",
    "POST /sessions",
    "POST /sessions/{session_id}/archive",
    "POST /sessions/{session_id}/unarchive",
    "GET /plans",
    "POST /plans",
    "POST /plans/check",
    "GET /plans/{slug}",
    "GET /lanes",
    "PATCH /lanes/{name}",
    "GET /status",
}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    return client.get("/api/v1/openapi.json").json()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path.removeprefix(PREFIX)}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_call_is_documented(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} == CALLS


def test_every_refusal_is_a_problem_document(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        refusals = {status: answer for status, answer in operation["responses"].items() if str(status) >= "400"}
        assert {"401", "403"} <= set(refusals), name
        for answer in refusals.values():
            assert list(answer["content"]) == ["application/problem+json"], name


def test_every_call_that_takes_a_body_says_what_may_be_wrong_with_it(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "requestBody" in operation:
            assert {"413", "415"} <= set(operation["responses"]), name


def test_every_call_asks_for_a_token(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["Bearer"]["scheme"] == "bearer"
    for name, operation in operations(document):
        assert {"Bearer": []} in operation["security"], name


def test_the_document_refers_only_to_what_it_holds(document: dict[str, Any]) -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= set(document["components"]["schemas"])


def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', page))
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-init.js"):
        assert f"/static/ninja/{name}" in page
        assert finders.find(f"ninja/{name}")


def test_words_that_python_keeps_for_itself_are_documented_as_they_travel(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]["AttemptError"]["properties"]) == {"class", "message"}


def test_a_stream_documents_where_it_may_be_taken_up(document: dict[str, Any]) -> None:
    stream = dict(operations(document))["GET /runs/{run_id}/events/stream"]
    assert {"after", "Last-Event-ID"} <= {parameter["name"] for parameter in stream["parameters"]}
