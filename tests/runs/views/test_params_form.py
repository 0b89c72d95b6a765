from __future__ import annotations

from typing import Any

import pytest

from runs.views.params_form import blank_form, read_form, with_problems


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("about", "kind", "why"),
    [
        ({"type": "string"}, "string", "a line of text"),
        ({"type": "integer"}, "integer", "a number"),
        ({"type": "boolean"}, "boolean", "a box to tick"),
        ({"type": "string", "enum": ["a", "b"]}, "choice", "a list to choose from"),
        ({"enum": [1, 2]}, "json", "values that a list of texts would change"),
        ({"type": ["string", "null"]}, "json", "more than one type"),
        ({"type": "object"}, "json", "a value inside a value"),
        ({}, "json", "anything"),
        (True, "json", "a schema may be a boolean"),
    ],
)
def test_a_schema_says_what_field_is_drawn(about: Any, kind: str, why: str) -> None:
    assert blank_form(schema(value=about)).fields[0].kind == kind, why


@pytest.mark.parametrize(
    ("about", "text", "value"),
    [
        ({"type": "string"}, "12", "12"),
        ({"type": "integer"}, "12", 12),
        ({"type": "number"}, " 1.5 ", 1.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "", False),
        ({"type": "array"}, '["a"]', ["a"]),
    ],
)
def test_text_becomes_a_value_of_the_field_s_type(about: dict[str, Any], text: str, value: Any) -> None:
    assert read_form(schema(value=about), {"param-value": text}).params == {"value": value}


@pytest.mark.parametrize("about", [{"type": "string"}, {"type": "integer"}, {"type": "object"}])
def test_an_empty_field_is_left_out(about: dict[str, Any]) -> None:
    assert read_form(schema(value=about), {"param-value": ""}).params == {}


def test_defaults_stand_in_the_form() -> None:
    form = blank_form(schema(depth={"type": "integer", "default": 3}, mode={"type": "string", "default": "fast"}))
    assert [field.text for field in form.fields] == ["3", "fast"]


@pytest.mark.parametrize("path", ["repo", "params.repo", "repo.url", "repo[0]"])
def test_a_problem_stands_beside_its_field(path: str) -> None:
    form = with_problems(blank_form(schema(repo={})), [{"path": path, "message": "too short"}])
    assert (form.fields[0].error, form.problems) == ("too short", ())


def test_a_problem_of_no_field_stands_above_the_form() -> None:
    form = with_problems(blank_form(schema(repo={})), [{"path": "lane", "message": "there is no lane Z"}])
    assert form.problems == ("lane: there is no lane Z",)
