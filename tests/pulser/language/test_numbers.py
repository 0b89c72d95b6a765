from __future__ import annotations

import pytest

from pulser.language.limits import ID_MAX, NUMBER_MAX
from pulser.language.numbers import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("007", 7), ("100", 100)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text, at_most=100) == number


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("-1", id="a sign"),
        pytest.param("+1", id="a plus"),
        pytest.param(" 1", id="a space"),
        pytest.param("1_0", id="an underscore, which int takes"),
        pytest.param("1.0", id="a fraction"),
        pytest.param("\u00b2", id="a superscript, which isdigit takes"),
        pytest.param("\u0663", id="a digit of another script, which int takes"),
        pytest.param("101", id="beyond the bound"),
        pytest.param("0001", id="longer than the bound"),
        pytest.param("9" * 5000, id="more digits than Python converts"),
    ],
)
def test_other_texts_are_none(text: str) -> None:
    assert whole_number(text, at_most=100) is None


@pytest.mark.parametrize("bound", [ID_MAX, NUMBER_MAX])
def test_a_bound_itself_is_within_it(bound: int) -> None:
    assert whole_number(str(bound), at_most=bound) == bound
    assert whole_number(str(bound + 1), at_most=bound) is None
