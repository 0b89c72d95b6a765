"""Durations as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.language.durations import seconds
from tests.tables import DURATIONS


@pytest.mark.parametrize(("written", "value"), [*DURATIONS["written"], (5, 5)])
def test_a_duration_is_read_in_seconds(written: Any, value: float) -> None:
    assert seconds(written) == value


@pytest.mark.parametrize("written", [*DURATIONS["refused"], -1, True, None, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        seconds(written)
