from __future__ import annotations

from typing import Any

import pytest

from pulser.tools.values import clean_text, storable, text_of


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("größer 🙂", "größer 🙂", id="any text is kept"),
        pytest.param("a\0b", "a\ufffdb", id="PostgreSQL refuses NUL"),
        pytest.param("a\ud800b", "a\ufffdb", id="UTF-8 has no half characters"),
    ],
)
def test_text_is_made_fit_for_the_database(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert text_of(b"a\xffb") == "a\ufffdb"


@pytest.mark.parametrize("value", [None, True, 3, 1.5, "text", [1, [2]], {"a": {"b": None}}])
def test_json_is_stored_as_it_is(value: Any) -> None:
    assert storable(value) == value


def test_tuples_are_stored_as_lists_and_text_inside_is_cleaned() -> None:
    assert storable(({"a\0": "b\0"},)) == [{"a\ufffd": "b\ufffd"}]


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(float("nan"), "nan is not JSON", id="not a number"),
        pytest.param(float("inf"), "inf is not JSON", id="infinite"),
        pytest.param(b"x", "a bytes is not JSON", id="bytes"),
        pytest.param({1: 2}, "keys that are not strings", id="a key that is no text"),
        pytest.param(deep(5000), "nested deeper than 100", id="deep"),
        pytest.param("x" * 2_000_000, "2,000,002 bytes", id="large"),
    ],
)
def test_what_is_not_json_or_too_large_is_refused(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        storable(value)
