"""How long something is kept."""

from __future__ import annotations

import pytest

from controlroom.durations import env_duration, read_duration
from controlroom.env import EnvironmentProblem


@pytest.mark.parametrize(("text", "seconds"), [("90d", 90 * 86_400), ("36h", 129_600), ("1d12h", 129_600), ("0s", 0)])
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(("text", "found"), [("", 60.0), ("forever", None), ("Forever", None), ("2m", 120.0)])
def test_the_environment_may_say_how_long(monkeypatch: pytest.MonkeyPatch, text: str, found: float | None) -> None:
    monkeypatch.setenv("CONTROLROOM_KEEP_TEST", text)
    assert env_duration("CONTROLROOM_KEEP_TEST", default=60.0) == found


@pytest.mark.parametrize("text", ["soon", "90", "-1d", "200000d"])
def test_a_value_that_cannot_be_used_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CONTROLROOM_KEEP_TEST", text)
    with pytest.raises(EnvironmentProblem, match=f"CONTROLROOM_KEEP_TEST: expected a duration .* got '{text}'"):
        env_duration("CONTROLROOM_KEEP_TEST", default=None)
