from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pulser.tools.base import PermanentError, Suspension
from pulser.tools.wait import Wait
from tests.pulser.tools.conftest import MakeContext


@pytest.mark.parametrize(("duration", "for_s"), [("90s", 90.0), ("1h30m", 5400.0), (2.5, 2.5), (0, 0.0)])
def test_a_duration_becomes_a_timer(make_context: MakeContext, duration: Any, for_s: float) -> None:
    assert Wait().call({"duration": duration}, make_context()) == Suspension(kind="timer", for_s=for_s)


@pytest.mark.parametrize("until", ["2026-11-21T09:00:00Z", "2026-11-21T10:00:00+01:00"])
def test_a_time_becomes_a_timer(make_context: MakeContext, until: str) -> None:
    moment = datetime(2026, 11, 21, 9, tzinfo=UTC)

    assert Wait().call({"until": until}, make_context()) == Suspension(kind="timer", until=moment)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param({"duration": "soon"}, "duration: expected a duration such as 30s", id="no duration"),
        pytest.param({"duration": -1}, "zero or more", id="negative"),
        pytest.param({"duration": float("inf")}, "zero or more", id="endless"),
        pytest.param({"duration": "367d"}, "longer than 366 days", id="too long"),
        pytest.param({"until": "tomorrow"}, "expected a time such as", id="no time"),
        pytest.param({"until": "2026-11-21T09:00:00"}, "has no time zone", id="no zone"),
        pytest.param({"until": "9999-01-01T00:00:00Z"}, "more than 366 days away", id="too far away"),
    ],
)
def test_what_cannot_be_waited_for_is_a_permanent_error(
    make_context: MakeContext, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(PermanentError, match=words):
        Wait().call(arguments, make_context())


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        ({"duration": "1s"}, True),
        ({"until": "2030-01-01T00:00:00Z"}, True),
        ({}, False),
        ({"duration": "1s", "until": "2030-01-01T00:00:00Z"}, False),
    ],
)
def test_exactly_one_of_duration_and_until_is_given(arguments: dict[str, Any], is_right: bool) -> None:
    assert Draft202012Validator(Wait.spec.input).is_valid(arguments) is is_right
