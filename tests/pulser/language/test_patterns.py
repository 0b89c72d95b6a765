"""A plan's regular expressions against what somebody else wrote: each is bounded in time, and all of them together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from pulser.language import check_params, patterns
from pulser.language.patterns import has_match, time_budget
from pulser.language.schema_validation import mismatches, schema_mismatches
from pulser.verifiers import matching

EXPLODES = "^(a+)+$"
AS = "a" * 40 + "b"


@pytest.fixture(autouse=True)
def bounded_finder() -> Iterator[None]:
    """The one that web and workers ask."""
    before = patterns._finder[0]
    patterns.set_pattern_matcher(matching.has_match)
    yield
    patterns.set_pattern_matcher(before)


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "PATTERN_S", 0.2)


def problems(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, str]:
    return {problem.path: problem.message for problem in check_params(schema, value)[1]}


@pytest.mark.usefixtures("little_time")
@pytest.mark.parametrize(
    ("schema", "value", "path"),
    [
        pytest.param({"properties": {"name": {"pattern": EXPLODES}}}, {"name": AS}, "name", id="pattern"),
        pytest.param(
            {"properties": {"name": {"pattern": "((a+)+)+$"}}}, {"name": AS[-16:]}, "name", id="on a short text"
        ),
        pytest.param({"patternProperties": {EXPLODES: True}}, {AS: 1}, AS, id="patternProperties"),
        pytest.param(
            {"patternProperties": {EXPLODES: True}, "additionalProperties": False}, {AS: 1}, AS, id="and no others"
        ),
        pytest.param(
            {"patternProperties": {EXPLODES: True}, "additionalProperties": {"type": "null"}}, {AS: 1}, AS, id="others"
        ),
        pytest.param({"propertyNames": {"pattern": EXPLODES}}, {AS: 1}, AS, id="propertyNames"),
        pytest.param(
            {"patternProperties": {EXPLODES: True}, "unevaluatedProperties": False}, {AS: 1}, "", id="unevaluated"
        ),
        pytest.param(
            {
                "$defs": {"x": {"patternProperties": {EXPLODES: True}}},
                "$ref": "#/$defs/x",
                "unevaluatedProperties": False,
            },
            {AS: 1},
            "",
            id="unevaluated, by reference",
        ),
        pytest.param({"not": {"properties": {"x": {"pattern": EXPLODES}}}}, {"x": AS}, None, id="within not"),
        pytest.param({"contains": {"pattern": EXPLODES}}, {"x": [AS]}, None, id="nothing to match"),
        pytest.param(
            {"properties": {"x": {"contains": {"pattern": EXPLODES}}}}, {"x": [AS, AS]}, "x", id="within contains"
        ),
    ],
)
def test_a_pattern_that_explodes_is_given_up(schema: dict[str, Any], value: dict[str, Any], path: str | None) -> None:
    began = time.monotonic()

    found = problems(schema, value)

    assert time.monotonic() - began < 3
    assert list(found) == ([] if path is None else [path])


@pytest.mark.usefixtures("little_time")
@pytest.mark.parametrize("keyword", ["propertyNames", "patternProperties"])
def test_it_is_said_why_a_key_cannot_be_told(keyword: str) -> None:
    schema = {"propertyNames": {"pattern": EXPLODES}} if keyword == "propertyNames" else {keyword: {EXPLODES: True}}

    (message,) = problems(schema, {AS: 1}).values()

    assert "no result within 0.2 s; avoid nested repetitions" in message


def test_many_patterns_that_explode_take_a_few_seconds_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "PATTERNS_S", 0.5)
    schema = {"items": {"type": "string", "pattern": EXPLODES}}
    began = time.monotonic()

    with time_budget():
        found = [mismatches([AS] * 50, schema) for _ in range(3)]

    assert time.monotonic() - began < 4
    assert [len(each) for each in found] == [50, 50, 50]
    assert "the regular expressions before it have taken" in found[2][49].message


@pytest.mark.parametrize("text", ["a", "a" * 40, "a" * 200])
def test_a_pattern_that_might_explode_still_finds(text: str) -> None:
    assert problems({"properties": {"name": {"pattern": EXPLODES}}}, {"name": text}) == {}


def test_a_thousand_texts_are_told_in_time() -> None:
    names = [f"some-host-{number}.example" for number in range(1_000)]

    assert mismatches(names, {"items": {"pattern": r"^[a-z0-9]+([.-][a-z0-9]+)*$"}}) == []


def test_keys_are_told_apart_by_their_patterns() -> None:
    schema = {
        "properties": {"id": {"type": "integer"}},
        "patternProperties": {"^x-": {"type": "string"}, "(?i)^y": {"type": "boolean"}},
        "additionalProperties": False,
    }

    assert problems(schema, {"id": 1, "x-a": "b", "Y": True}) == {}
    assert problems(schema, {"x-a": 1, "Y": 2, "z": 3}) == {
        "x-a": 'expected a string, got 1; write "1"',
        "Y": "expected true or false, got 2",
        "z": "unknown key `z`; there are id",
    }


def test_other_keys_have_the_schema_of_others() -> None:
    schema = {"patternProperties": {"^x-": True}, "additionalProperties": {"type": "integer"}}

    assert problems(schema, {"x-a": "any", "b": 1, "c": "no"}) == {"c": 'expected a whole number, got "no"'}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "missing ), unterminated subpattern"),
        ("a{99999999999}", "the repetition number is too large"),
        ("(" * 3_000 + ")" * 3_000, "it has 6,000 characters; the limit is 4,096"),
        ("(" * 2_000 + ")" * 2_000, "recursion"),
    ],
)
@pytest.mark.parametrize("schema_of", [lambda p: {"pattern": p}, lambda p: {"patternProperties": {p: True}}])
def test_what_is_no_pattern_is_said_of_the_schema(schema_of: Any, pattern: str, words: str) -> None:
    (found,) = schema_mismatches(schema_of(pattern))

    assert "not a regular expression" in found.message
    assert words in found.message


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "a" * 5_000 + "("])
def test_a_stored_pattern_that_is_none_cannot_be_told(pattern: str) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        has_match(pattern, "a")
