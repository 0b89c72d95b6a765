from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.web.drawing.timeline import BAR_MIN, GAP, TimelineWindow, pack_bars, rows_of, timeline_ticks

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = TimelineWindow(NOW - timedelta(hours=1), NOW)


@dataclass(frozen=True)
class Ran:
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


def ran(queued: float, started: float | None = None, finished: float | None = None) -> Ran:
    """Minutes before now."""
    at = [NOW - timedelta(minutes=one) if one is not None else None for one in (queued, started, finished)]
    return Ran(at[0] or NOW, at[1], at[2])


def spans(minutes: st.SearchStrategy[float]) -> st.SearchStrategy[Ran]:
    return st.tuples(minutes, minutes, minutes).map(lambda three: ran(*sorted(three, reverse=True)))


@given(st.lists(spans(st.floats(min_value=0, max_value=90)), max_size=60))
def test_no_two_bars_of_a_row_overlap(runs: list[Ran]) -> None:
    bars, left_out = pack_bars(runs, HOUR, rows_max=8)
    assert len(bars) + left_out == len(runs)
    assert rows_of(bars) <= 8
    for row in range(8):
        mine = sorted((bar for bar in bars if bar.row == row), key=lambda bar: bar.x)
        for one, other in itertools.pairwise(mine):
            assert one.x + one.width + GAP <= other.x + 0.002


@given(spans(st.floats(min_value=0, max_value=90)))
def test_a_bar_lies_inside_and_can_be_seen(run: Ran) -> None:
    [bar] = pack_bars([run], HOUR)[0]
    assert bar.x >= 0
    assert bar.x + bar.width <= 100.01
    assert bar.width >= BAR_MIN - 0.01


def test_a_run_that_waited_has_a_part_for_that() -> None:
    [bar] = pack_bars([ran(30, 20, 10)], HOUR)[0]
    assert bar.waited == pytest.approx(bar.worked, abs=0.01)
    assert bar.waited == pytest.approx(100 / 6 / 1.02, abs=0.01)


def test_a_run_that_goes_on_reaches_now() -> None:
    [bar] = pack_bars([ran(30, 30)], HOUR)[0]
    assert bar.x + bar.width == pytest.approx(HOUR.x(NOW), abs=0.01)


def test_a_run_that_has_not_started_only_waits() -> None:
    [bar] = pack_bars([ran(30)], HOUR)[0]
    assert (bar.worked, bar.waited > 40) == (0, True)


def test_a_run_that_queued_again_begins_where_it_started() -> None:
    [bar] = pack_bars([ran(10, 40, 5)], HOUR)[0]
    assert (bar.waited, bar.x) == (0, HOUR.x(NOW - timedelta(minutes=40)))


def test_what_finds_no_row_is_counted() -> None:
    bars, left_out = pack_bars([ran(30, 30, 10)] * 5, HOUR, rows_max=3)
    assert (len(bars), left_out) == (3, 2)


def test_the_grid_stands_at_round_times() -> None:
    window = TimelineWindow(NOW - timedelta(minutes=55), NOW + timedelta(minutes=5))
    shown = [tick.at.minute for tick in timeline_ticks(window, every=timedelta(minutes=10))]
    assert shown == [10, 20, 30, 40, 50, 0]
