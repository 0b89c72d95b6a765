from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from controlroom.web.forms import (
    blank_form,
    checked,
    compared,
    filled_form,
    params_of,
    query_of,
    read_form,
    with_problems,
)
from controlroom.web.forms.fields import Field
from tests.controlroom.web.forms.browser import changed, html_of, sent_by


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def field_of(form: Any, name: str) -> Field:
    return next(each for each in form.fields if each.name == name)


def typed(about: Any, texts: dict[str, Any]) -> dict[str, Any]:
    """What comes of a blank form once this is typed into it."""
    return read_form(about, changed(sent_by(blank_form(about)), texts)).params


NODE: dict[str, Any] = {
    "$ref": "#/$defs/node",
    "$defs": {"node": {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/node"}}}},
}


@pytest.mark.parametrize(
    ("about", "kind", "why"),
    [
        ({"type": "string"}, "text", "a line of text"),
        ({"type": "integer"}, "number", "a number"),
        ({"type": "boolean"}, "flag", "a box to tick, or yes, no and not set"),
        ({"type": "string", "enum": ["a", "b"]}, "choice", "a list to choose from"),
        ({"enum": [1, "1", None]}, "choice", "values keep their type"),
        ({"const": 7}, "fixed", "there is nothing to choose"),
        ({"type": "null"}, "fixed", "there is nothing to choose"),
        ({"type": "array", "items": {"type": "string"}}, "list", "rows"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "checks", "boxes to tick"),
        ({"type": "array"}, "json", "items of any shape"),
        ({"type": "object", "properties": {"a": {}}}, "object", "a group"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object", "keys and values"),
        ({"type": "object"}, "json", "keys of any shape"),
        ({"type": ["string", "null"]}, "alternatives", "one or the other"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "alternatives", "one or the other"),
        (
            {"type": "object", "properties": {"a": {}}, "oneOf": [{"required": ["a"]}]},
            "object",
            "it only asks for keys",
        ),
        ({"$ref": "#/nowhere"}, "json", "a reference that leads nowhere"),
        ({}, "json", "anything"),
        (True, "json", "a schema may be a boolean"),
    ],
)
def test_a_schema_says_what_control_is_drawn(about: Any, kind: str, why: str) -> None:
    assert blank_form(schema(value=about)).root.members[0].kind == kind, why


@pytest.mark.parametrize(
    ("about", "text", "value"),
    [
        ({"type": "string"}, "12", "12"),
        ({"type": "string"}, " kept ", " kept "),
        ({"type": "integer"}, "12", 12),
        ({"type": "number"}, " 1.5 ", 1.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "false", False),
        ({"enum": [1, "1"]}, '"1"', "1"),
        ({"enum": [1, "1"]}, "1", 1),
        ({"type": "array"}, '["a"]', ["a"]),
        ({}, "null", None),
    ],
)
def test_text_becomes_a_value_of_the_type(about: dict[str, Any], text: str, value: Any) -> None:
    assert typed(schema(value=about), {"p.value": text}) == {"value": value}


@pytest.mark.parametrize("kind", ["string", "integer", "object", "boolean", "array"])
def test_what_is_optional_and_left_empty_is_left_out(kind: str) -> None:
    assert typed(schema(value={"type": kind, "properties": {"a": {}}, "items": {"type": "string"}}), {}) == {}


@pytest.mark.parametrize(
    ("about", "text", "said"),
    [
        ({"type": "integer"}, "three", "expected a whole number, got three"),
        ({"type": "integer"}, "1.5", "expected a whole number, got 1.5"),
        ({"type": "number"}, "NaN", "expected a number, got NaN"),
        ({"type": "number"}, "1e999", "expected a number, got 1e999"),
        ({"type": "array"}, "[1,", "expected JSON: "),
        ({"type": "array"}, "[" * 100_000, "expected JSON: nested too deeply"),
        ({"enum": ["a", "b"]}, "c", "not one of the choices"),
    ],
)
def test_what_is_no_value_is_said_beside_and_stays(about: dict[str, Any], text: str, said: str) -> None:
    form = read_form(schema(value=about), changed(QueryDict(), {"p.value": text}))
    assert said in field_of(form, "p.value").error
    assert about.get("enum") or field_of(form, "p.value").text == text


def test_defaults_stand_in_the_form_and_are_its_values() -> None:
    about = schema(depth={"type": "integer", "default": 3}, dry={"type": "boolean", "default": True})
    assert read_form(about, sent_by(blank_form(about))).params == {"depth": 3, "dry": True}


def test_a_ticked_default_may_be_unticked() -> None:
    about = schema(
        dry={"type": "boolean", "default": True}, tags={"type": "array", "items": {"enum": ["a"]}, "default": ["a"]}
    )
    assert typed(about, {"p.dry": None, "p.tags": None}) == {"dry": False, "tags": []}


def test_rows_are_added_moved_and_removed() -> None:
    about = schema("tags", tags={"type": "array", "items": {"type": "string"}})
    form = filled_form(about, {"tags": ["a", "b"]})
    form = read_form(about, sent_by(form), command="add p.tags")
    assert form.focus == "p.tags.2"
    form = read_form(about, changed(sent_by(form), {"p.tags.2": "c"}), command="up p.tags.2")
    assert form.params == {"tags": ["a", "c", "b"]}
    assert read_form(about, sent_by(form), command="remove p.tags.0").params == {"tags": ["c", "b"]}


def test_a_row_of_an_optional_list_makes_the_list_be_there() -> None:
    about = schema(
        tags={"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}}
    )
    form = read_form(about, sent_by(blank_form(about)), command="add p.tags")
    assert form.params == {"tags": [{"n": 1}]}


def test_an_optional_group_opens_with_its_defaults() -> None:
    about = schema(limits={"type": "object", "properties": {"cpu": {"type": "integer", "default": 2}}})
    form = read_form(about, changed(sent_by(blank_form(about)), {"has:p.limits": "1"}), command="draw p.limits")
    assert form.params == {"limits": {"cpu": 2}}


def test_another_alternative_begins_with_its_defaults() -> None:
    about = schema(
        "to",
        to={
            "oneOf": [
                {"type": "string"},
                {"type": "object", "properties": {"host": {"type": "string", "default": "db"}}},
            ]
        },
    )
    form = read_form(about, changed(sent_by(blank_form(about)), {"how:p.to": "1"}), command="draw p.to")
    assert form.params == {"to": {"host": "db"}}


def test_further_keys_have_rows() -> None:
    about = schema(env={"type": "object", "additionalProperties": {"type": "string"}})
    form = read_form(about, sent_by(blank_form(about)), command="add p.env.+")
    assert form.params == {"env": {}}
    assert "enter a key" in field_of(form, "p.env.+.0.v").error
    assert typed_again(about, form, {"p.env.+.0.k": "LANG", "p.env.+.0.v": "C"}) == {"env": {"LANG": "C"}}


def typed_again(about: Any, form: Any, texts: dict[str, Any]) -> dict[str, Any]:
    return read_form(about, changed(sent_by(form), texts)).params


def test_a_key_that_is_there_twice_is_an_error() -> None:
    about = schema(env={"type": "object", "additionalProperties": {"type": "string"}})
    form = filled_form(about, {"env": {"A": "1", "B": "2"}})
    form = read_form(about, changed(sent_by(form), {"p.env.+.1.k": "A"}))
    assert [field.error for field in form.wrong] == ["A already exists"]


def test_a_schema_that_refers_to_itself_is_drawn_as_deep_as_it_is_filled() -> None:
    about = schema(first={"$ref": "#/$defs/node"}) | {"$defs": NODE["$defs"]}
    params = {"first": {"name": "a", "next": {"name": "b", "next": {"name": "c"}}}}
    assert read_form(about, sent_by(filled_form(about, params))).params == params


@pytest.mark.parametrize("path", ["limits.cpu", "limits", "tags[0]", "tags[7].x"])
def test_a_problem_stands_beside_its_field_or_the_nearest_around_it(path: str) -> None:
    about = schema(
        limits={"type": "object", "properties": {"cpu": {"type": "integer"}}}, tags={"type": "array", "items": {}}
    )
    form = with_problems(filled_form(about, {"limits": {"cpu": 1}, "tags": [1]}), [{"path": path, "message": "no"}])
    nearest = {"limits.cpu": "p.limits.cpu", "limits": "p.limits", "tags[0]": "p.tags.0", "tags[7].x": "p.tags"}
    assert "no" in field_of(form, nearest[path]).error
    assert form.problems == ()


def test_a_problem_of_no_field_stands_above_the_form() -> None:
    assert with_problems(blank_form(schema(repo={})), [{"path": "", "message": "too much"}]).problems == ("too much",)


def test_what_the_schema_refuses_is_an_error_of_its_field() -> None:
    about = schema("repo", repo={"type": "string"}, depth={"type": "integer", "maximum": 3})
    form = checked(filled_form(about, {"depth": 9}))
    assert {field.name: field.error for field in form.wrong} == {
        "p.repo": "`repo` is missing",
        "p.depth": "expected at most 3, got 9",
    }


def test_an_error_is_named_where_a_screen_reader_looks() -> None:
    html = html_of(checked(blank_form(schema("repo", repo={"type": "string", "description": "Where"}))))
    assert 'aria-describedby="p.repo-help p.repo-error" aria-invalid="true"' in html
    assert 'id="p.repo-error">`repo` is missing<' in html


def test_what_differs_from_before_shows_the_old_value() -> None:
    about = schema(depth={"type": "integer"}, repo={"type": "string"})
    form = compared(filled_form(about, {"depth": 4, "repo": "x"}), {"depth": 3, "repo": "x"})
    assert [(each.name, each.was) for each in form.fields if each.is_changed] == [("p.depth", "3")]


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("p.repo=here&p.limits.cpu=2", {"repo": "here", "limits": {"cpu": 2}}),
        ("p.repo=5", {"repo": "5"}),
        ("p.tags=a&p.tags=b", {"tags": ["a", "b"]}),
        ('p.tags=["a"]', {"tags": ["a"]}),
        ('params={"repo":"x"}&p.limits.cpu=1', {"repo": "x", "limits": {"cpu": 1}}),
        ("p.mode=1", {"mode": "1"}),
        ("lane=B", {}),
    ],
)
def test_an_address_fills_in_params(query: str, params: dict[str, Any]) -> None:
    assert params_of(ADDRESSED, dict(QueryDict(query).lists())) == (params, [])


ADDRESSED = schema(
    repo={"type": "string"},
    limits={"type": "object", "properties": {"cpu": {"type": "integer"}}},
    tags={"type": "array", "items": {"type": "string"}},
    mode={"enum": [1, "1"]},
)


@pytest.mark.parametrize(
    "query", ["p.limits.cpu=many", "p.nothing=1", "p.repo.deeper=1", "params=[1]", "params=%7B", "p.=1", "p..=1"]
)
def test_what_an_address_cannot_say_is_told(query: str) -> None:
    params, notes = params_of(ADDRESSED, dict(QueryDict(query).lists()))
    assert (params, len(notes)) == ({}, 1)


def test_an_address_is_as_short_as_it_can_be() -> None:
    assert query_of(ADDRESSED, {"repo": "here", "limits": {"cpu": 2}}) == "p.repo=here&p.limits=%7B%22cpu%22%3A2%7D"


def test_a_form_can_be_written_as_json_and_back_unless_there_is_no_form() -> None:
    about = schema(repo={"type": "string"})
    assert 'value="json p"' in html_of(blank_form(about))
    assert 'value="form p"' in html_of(read_form(about, sent_by(blank_form(about)), command="json p"))
    assert 'value="json p"' not in html_of(blank_form({"type": "object"}))


def test_markup_in_a_schema_and_its_values_is_text() -> None:
    evil = "<script>alert(1)</script>"
    about = schema(
        **{evil: {"title": evil, "description": evil, "default": evil, "examples": [evil], "type": "string"}}
    )
    assert "<script" not in html_of(filled_form(about, {evil: evil}))


def test_more_than_a_page_can_show_is_written_as_json() -> None:
    form = blank_form(schema(**{f"n{number}": {"type": "string", "default": "x"} for number in range(500)}))
    assert form.is_json
    assert len(form.params) == 500


@pytest.mark.parametrize(
    "evil",
    [
        {"$ref": "#/$defs/a"},
        {"$ref": "#/$defs/b"},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#/$defs/c"}, {"$ref": "#/$defs/c"}]},
        {"$ref": "#/$defs/wide"},
        {"allOf": [True, {"$ref": "#/$defs/b"}]},
    ],
)
def test_a_schema_that_goes_in_circles_is_drawn_all_the_same(evil: dict[str, Any]) -> None:
    wide = {f"n{number}": {"$ref": "#/$defs/wide"} for number in range(40)}
    about = schema("value", value=evil) | {
        "$defs": {
            "a": {"$ref": "#/$defs/a"},
            "b": {"allOf": [{"$ref": "#/$defs/b"}]},
            "c": {"anyOf": [{"$ref": "#/$defs/c"}, {"$ref": "#/$defs/c"}]},
            "wide": {"type": "object", "properties": wide, "required": list(wide)},
        }
    }
    assert html_of(blank_form(about))
