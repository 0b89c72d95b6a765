"""Params: defaults filled in, everything else as it came, and typed from the command line."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.language import check_params, coerce_params
from pulser.language.limits import PARAMS_BYTES
from pulser.language.params import params_bytes

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["repo"],
    "additionalProperties": False,
    "properties": {
        "repo": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "default": 3},
        "ratio": {"type": "number"},
        "dry": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        "place": {
            "type": "object",
            "properties": {"city": {"type": "string", "default": "Bonn"}, "zip": {"type": "string"}},
        },
        "level": {"enum": ["low", "high"]},
        "either": {"type": ["integer", "string"]},
        "free": {},
        "mail": {"type": "string", "format": "email"},
    },
}


def test_defaults_are_filled_in_also_in_objects_that_are_given() -> None:
    params, problems = check_params(SCHEMA, {"repo": "x", "place": {"zip": "1"}})

    assert problems == []
    assert params == {"repo": "x", "count": 3, "tags": [], "place": {"zip": "1", "city": "Bonn"}}


def test_a_default_is_never_shared_between_runs() -> None:
    first, _ = check_params(SCHEMA, {"repo": "x"})
    first["tags"].append("changed")

    second, _ = check_params(SCHEMA, {"repo": "x"})

    assert second["tags"] == []


def test_what_is_given_is_not_changed() -> None:
    given: dict[str, Any] = {"repo": "x", "place": {}}

    check_params(SCHEMA, given)

    assert given == {"repo": "x", "place": {}}


BAD = [  # params, problems
    ({}, ["repo: `repo` is missing"]),
    ({"repo": 5}, ['repo: expected a string, got 5; write "5"']),
    ({"repo": ""}, ['repo: expected a length of at least 1, got ""']),
    ({"repo": "x", "cuont": 1}, ["cuont: unknown key `cuont`; did you mean `count`?"]),
    ({"repo": "x", "count": "3"}, ['count: expected a whole number, got "3"; write 3 without quotes']),
    ({"repo": "x", "count": True}, ["count: expected a whole number, got true"]),
    ({"repo": "x", "tags": ["a", 1]}, ['tags[1]: expected a string, got 1; write "1"']),
    ({"repo": "x", "place": {"city": None}}, ["place.city: expected a string, got null"]),
    ({"repo": "x", "level": "hihg"}, ['level: expected low or high, got "hihg"; did you mean `high`?']),
    ({"repo": "x", "mail": "nobody"}, ['mail: expected a string of the format "email", got "nobody"']),
    ({"repo": "x" * PARAMS_BYTES}, [f"expected at most {PARAMS_BYTES:,} bytes of JSON, got {PARAMS_BYTES + 11:,}"]),
    ({"repo": float("nan")}, ["expected values that can be written as JSON"]),
]


@pytest.mark.parametrize(("params", "problems"), BAD)
def test_what_does_not_fit_is_said_with_its_path(params: dict[str, Any], problems: list[str]) -> None:
    assert [str(problem) for problem in check_params(SCHEMA, params)[1]] == problems


def test_spaces_and_escapes_do_not_count_against_the_bound() -> None:
    params = {"repo": "ж" * 1000, "tags": ["a", "b"]}
    assert params_bytes(params) == len('{"repo":"","tags":["a","b"]}') + 2000


def test_a_schema_without_end_is_a_problem_and_no_crash() -> None:
    schema = {"properties": {"a": {"$ref": "#/properties/a"}}}

    _, problems = check_params(schema, {"a": 1})

    assert "endlessly" in problems[0].message


def test_a_constant_may_be_a_list() -> None:
    schema = {"properties": {"a": {"const": [1, 2]}}}

    assert check_params(schema, {"a": [1, 2]})[1] == []
    assert [str(problem) for problem in check_params(schema, {"a": 1})[1]] == ["a: expected [1, 2], got 1"]


def test_nothing_is_fetched_from_the_network() -> None:
    _, problems = check_params({"properties": {"a": {"$ref": "http://127.0.0.1:1/schema"}}}, {"a": 1})

    assert "which does not exist" in problems[0].message


TYPED = [  # the text of -p, the value
    ("repo", "5", "5"),
    ("repo", "true", "true"),
    ("count", "5", 5),
    ("count", "-1", -1),
    ("ratio", "0.5", 0.5),
    ("ratio", "2", 2),
    ("dry", "true", True),
    ("tags", '["a"]', ["a"]),
    ("place", '{"city": "Ulm"}', {"city": "Ulm"}),
    ("level", "high", "high"),
    ("either", "5", "5"),
    ("free", "5", "5"),
]


@pytest.mark.parametrize(("name", "text", "value"), TYPED)
def test_texts_are_typed_by_the_schema(name: str, text: str, value: Any) -> None:
    assert coerce_params(SCHEMA, {name: text}) == ({name: value}, [])


UNTYPED = [
    ("count", "three", "count: expected a whole number, got 'three'"),
    ("count", "1.5", "count: expected a whole number, got '1.5'"),
    ("dry", "yes", "dry: expected true or false, got 'yes'"),
    ("tags", "a,b", "tags: expected a list, got 'a,b'"),
    ("place", "[" * 100_000, "place: expected an object, got"),
    ("cuont", "1", "cuont: unknown param `cuont`; did you mean `count`?"),
]


@pytest.mark.parametrize(("name", "text", "message"), UNTYPED)
def test_a_text_that_is_no_such_value_is_a_problem(name: str, text: str, message: str) -> None:
    params, problems = coerce_params(SCHEMA, {name: text})

    assert params == {}
    assert str(problems[0]).startswith(message)


def test_without_a_schema_every_text_stays_one() -> None:
    assert coerce_params({}, {"a": "1"}) == ({"a": "1"}, [])
