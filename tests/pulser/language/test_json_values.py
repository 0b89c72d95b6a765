from __future__ import annotations

import json

import pytest

from pulser.language.json_values import NestedTooDeep, NotStorable, parse_json, parse_storable
from pulser.language.limits import PLAN_LEVELS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("NaN", "NaN is not a JSON number", id="not a number"),
        pytest.param("-Infinity", "-Infinity is not a JSON number", id="infinite"),
        pytest.param("1e999", "1e999 is out of range", id="infinite once it is read"),
        pytest.param("9" * 5000, "integer string conversion", id="more digits than Python converts"),
        pytest.param("[" * 200_000, "nested too deep", id="deep"),
        pytest.param("{", "Expecting property name", id="no JSON"),
        pytest.param("", "Expecting value", id="nothing"),
    ],
)
def test_text_that_is_not_json_is_refused(text: str, words: str) -> None:
    for parse in (parse_json, parse_storable):
        with pytest.raises(ValueError, match=words):
            parse(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        parse_json(b'"\xff"')


@pytest.mark.parametrize("text", [r'"\u0000"', r'{"\u0000": 1}', r'["\ud800"]', r'{"a": {"\udfff": 1}}'])
def test_text_that_no_database_takes_is_json_and_not_storable(text: str) -> None:
    assert parse_json(text) == json.loads(text)
    with pytest.raises(NotStorable):
        parse_storable(text)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_storable(r'"\ud83d\ude00"') == "\U0001f600"


def test_what_is_stored_is_nested_no_deeper_than_a_plan() -> None:
    deepest = "[" * PLAN_LEVELS + "]" * PLAN_LEVELS
    assert parse_storable(deepest) == json.loads(deepest)
    with pytest.raises(NestedTooDeep):
        parse_storable(f"[{deepest}]")
