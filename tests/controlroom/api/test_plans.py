from __future__ import annotations

import json
from typing import Any

import pytest

from controlroom.api.schemas import PlanOut, PlanPage
from pulser.models import Plan, PlanVersion
from tests.controlroom.api.callers import Caller, problem_in
from tests.controlroom.api.conftest import Rows
from tests.factories import make_plan

YAML = "application/yaml"
GOOD = """
pulser: 1
slug: tidy
title: Tidy up
params: {type: object, properties: {path: {type: string}}}
steps:
  - {id: sweep, uses: shell, with: {run: "true"}}
"""
BAD = GOOD.replace("uses: shell", "uses: shel")


def test_a_new_document_is_the_first_version(operator: Caller) -> None:
    answer = operator.post("/plans", GOOD, type=YAML)
    plan = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (201, "/api/v1/plans/tidy")
    assert (plan["slug"], plan["version"], plan["source"]) == ("tidy", 1, GOOD)
    assert plan["params"]["properties"] == {"path": {"type": "string"}}
    PlanOut.model_validate(plan)


def test_a_changed_document_is_the_next_version_and_the_same_one_is_none(operator: Caller) -> None:
    operator.post("/plans", GOOD, type=YAML)
    again = operator.post("/plans", GOOD + "# a comment\n", type=YAML)
    changed = operator.post("/plans", GOOD.replace("Tidy up", "Clean up"), type=YAML)
    assert (again.status_code, again.json()["version"]) == (200, 1)
    assert (changed.status_code, changed.json()["version"]) == (201, 2)
    assert [version["number"] for version in changed.json()["versions"]] == [2, 1]


@pytest.mark.parametrize("type_", ["application/json", YAML, "text/yaml; charset=utf-8"])
def test_a_document_may_be_json(operator: Caller, type_: str) -> None:
    document = {"pulser": 1, "slug": "tidy", "steps": [{"id": "one", "uses": "shell", "with": {"run": "true"}}]}
    assert operator.post("/plans", json.dumps(document, indent="\t"), type=type_).status_code == 201


def test_a_bad_document_is_refused_with_line_and_column_and_not_kept(operator: Caller, rows: Rows) -> None:
    before = rows()
    (error,) = problem_in(operator.post("/plans", BAD, type=YAML), 422)["errors"]
    assert (error["line"], error["path"]) == (7, "steps[0].uses") and error["column"] > 1
    assert "shell" in error["message"]
    assert rows() == before


BAD_DOCUMENTS: list[tuple[bytes, str, int, str]] = [
    (b"", YAML, 422, "nothing"),
    (b"steps: [", YAML, 422, "no YAML"),
    (b"- 1", YAML, 422, "no mapping"),
    (b"pulser: 1\nslug: \xff\n", YAML, 422, "no UTF-8"),
    (b"{", "application/json", 422, "no JSON"),
    (GOOD.encode(), "text/plain", 415, "a type that says nothing"),
    (GOOD.encode(), "application/x-www-form-urlencoded", 415, "a form"),
    (b"# " + b"x" * 2 * 1024 * 1024, YAML, 413, "two mebibytes"),
    (b"# " + b"x" * 1024 * 1024, YAML, 413, "just past one mebibyte"),
]


@pytest.mark.parametrize(("body", "type_", "status", "why"), BAD_DOCUMENTS, ids=[row[3] for row in BAD_DOCUMENTS])
def test_what_is_no_plan_is_refused(
    operator: Caller, rows: Rows, body: bytes, type_: str, status: int, why: str
) -> None:
    before = rows()
    document = problem_in(operator.post("/plans", body, type=type_), status)
    assert rows() == before, why
    for error in document.get("errors", []):
        assert {"line", "column", "path", "message"} <= error.keys()


def test_invalid_utf_8_is_told_with_its_place(operator: Caller) -> None:
    (error,) = problem_in(operator.post("/plans", b"pulser: 1\nslug: \xff\n", type=YAML), 422)["errors"]
    assert (error["line"], error["column"]) == (2, 7)


def test_a_check_says_what_is_wrong_and_keeps_nothing(viewer: Caller) -> None:
    good, bad = (viewer.post("/plans/check", document, type=YAML) for document in (GOOD, BAD))
    assert (good.status_code, good.json()) == (200, {"errors": []})
    assert bad.status_code == 200
    assert [error["path"] for error in bad.json()["errors"]] == ["steps[0].uses"]
    assert not Plan.objects.exists()


def test_a_check_has_the_same_bounds(viewer: Caller) -> None:
    problem_in(viewer.post("/plans/check", b"# " + b"x" * 1024 * 1024, type=YAML), 413)
    problem_in(viewer.post("/plans/check", GOOD, type="text/html"), 415)
    assert viewer.post("/plans/check", b"\xff", type=YAML).json()["errors"][0]["line"] == 1


def test_plans_are_listed_newest_first_without_archived_ones(viewer: Caller) -> None:
    for slug in ("one", "two", "three"):
        make_plan(slug=slug)
    Plan.objects.filter(slug="one").update(archived_at=Plan.objects.get(slug="one").created_at)
    page = viewer.get("/plans").json()
    assert [plan["slug"] for plan in page["items"]] == ["three", "two"]
    PlanPage.model_validate(page)


def test_a_plan_shows_its_latest_version_unless_another_is_asked_for(viewer: Caller) -> None:
    make_plan(GOOD)
    make_plan(GOOD.replace("Tidy up", "Clean up"))
    assert viewer.get("/plans/tidy").json()["document"]["title"] == "Clean up"
    assert viewer.get("/plans/tidy", version=1).json()["document"]["title"] == "Tidy up"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/plans/tidi", {}, 404),
        ("/plans/tidy", {"version": 3}, 404),
        ("/plans/tidy", {"version": 0}, 422),
        ("/plans/tidy", {"version": "latest"}, 422),
        ("/plans/tidy@x", {}, 404),
        ("/plans/a%00b", {}, 404),
    ],
)
def test_a_plan_that_is_not_there(viewer: Caller, path: str, query: dict[str, Any], status: int) -> None:
    make_plan(GOOD)
    problem_in(viewer.get(path, **query), status)


def test_a_viewer_pushes_nothing(viewer: Caller) -> None:
    problem_in(viewer.post("/plans", GOOD, type=YAML), 403)
    assert not PlanVersion.objects.exists()
