"""The published schema says what the checker says."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from pulser.language import plan_schema
from pulser.language.read_document import read
from tests.pulser.language.plans import RELEASE_CHECK


def test_the_published_schema_is_one_and_takes_the_example() -> None:
    schema = plan_schema()

    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(read(RELEASE_CHECK).document)) == []


def test_keys_are_named_as_documents_write_them() -> None:
    schema = plan_schema()

    assert "finally" in schema["properties"]
    assert {"with", "if"} <= schema["$defs"]["Step"]["properties"].keys()


def test_unknown_keys_are_refused() -> None:
    errors = Draft202012Validator(plan_schema()).iter_errors({"pulser": 1, "slug": "x", "steps": [{"id": "a"}], "x": 1})

    assert {error.validator for error in errors} == {"additionalProperties", "required"}
