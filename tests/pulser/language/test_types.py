"""Types of values, and the fields they have."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.language.types import ANY, NoField, field, fits, kinds

KINDS = [  # the schema, the kinds of its values; None: not known
    ({}, None),
    ({"type": "string"}, {"string"}),
    ({"type": ["string", "null"]}, {"string", "null"}),
    ({"type": "number"}, {"integer", "number"}),
    ({"const": 1}, {"integer"}),
    ({"enum": ["a", 1, None]}, {"string", "integer", "null"}),
    ({"anyOf": [{"type": "string"}, {"type": "array"}]}, {"string", "array"}),
    ({"anyOf": [{"type": "string"}, {}]}, None),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}, {"boolean"}),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, None),
    ({"$ref": "#/nowhere"}, None),
    ({"properties": {"a": {}}}, None),
]


@pytest.mark.parametrize(("schema", "expected"), KINDS)
def test_the_kinds_of_a_schema(schema: dict[str, Any], expected: set[str] | None) -> None:
    assert kinds(schema) == (None if expected is None else frozenset(expected))


def test_only_a_plain_contradiction_does_not_fit() -> None:
    assert fits(ANY, frozenset({"string"}))
    assert fits({"type": ["string", "null"]}, frozenset({"string"}))
    assert fits({"type": "number"}, frozenset({"integer"}))
    assert not fits({"type": "integer"}, frozenset({"string"}))


def test_a_field_is_found_through_references_and_alternatives() -> None:
    schema = {
        "anyOf": [{"type": "null"}, {"$ref": "#/$defs/place"}],
        "$defs": {
            "place": {"type": "object", "properties": {"city": {"$ref": "#/$defs/name"}}},
            "name": {"type": "string"},
        },
    }

    assert kinds(field(schema, "city")) == frozenset({"string"})


def test_a_field_that_is_not_named_is_not_there_unless_others_are_allowed() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"city": {}, "zip": {}}}

    with pytest.raises(NoField) as caught:
        field(schema, "town")

    assert caught.value.known == ["city", "zip"]
    assert field({**schema, "additionalProperties": {"type": "integer"}}, "town") == {"type": "integer"}
    assert field({"type": "object"}, "town") == ANY
