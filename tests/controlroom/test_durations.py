"""How long something is kept."""

from __future__ import annotations

import re

import pytest

from controlroom.durations import env_duration, read_duration
from controlroom.env import EnvironmentProblem
from tests.tables import DURATIONS


@pytest.mark.parametrize(("text", "seconds"), DURATIONS["written"])
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(("text", "found"), [("", 60.0), ("forever", None), ("Forever", None), ("2m", 120.0)])
def test_the_environment_may_say_how_long(monkeypatch: pytest.MonkeyPatch, text: str, found: float | None) -> None:
    monkeypatch.setenv("CONTROLROOM_KEEP_TEST", text)
    assert env_duration("CONTROLROOM_KEEP_TEST", default=60.0) == found


@pytest.mark.parametrize("text", [*filter(None, DURATIONS["refused"]), "200000d"])
def test_a_value_that_cannot_be_used_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CONTROLROOM_KEEP_TEST", text)
    said = f"CONTROLROOM_KEEP_TEST: expected a duration .* got '{re.escape(text)}'"
    with pytest.raises(EnvironmentProblem, match=said):
        env_duration("CONTROLROOM_KEEP_TEST", default=None)
