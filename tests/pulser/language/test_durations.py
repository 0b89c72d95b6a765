"""Durations as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.language.durations import seconds


@pytest.mark.parametrize(
    ("written", "value"),
    [("250ms", 0.25), ("30s", 30), ("2m", 120), ("1h30m", 5400), ("1d", 86400), (5, 5), ("1.5h", 5400)],
)
def test_a_duration_is_read_in_seconds(written: Any, value: float) -> None:
    assert seconds(written) == value


@pytest.mark.parametrize("written", ["", "soon", "5", "-5s", "5 s", "s", -1, True, None, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        seconds(written)
