from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.web.drawing.waterfall import (
    FOLD_PERCENT,
    RUNNING,
    WAITING,
    WORKER,
    WaterfallScale,
    WaterfallSpan,
    idle_gaps,
)

HOUR = 3600.0


def running(start: float, end: float) -> WaterfallSpan:
    return WaterfallSpan(RUNNING, start, end, "success", 1)


def test_times_become_shares_of_the_width() -> None:
    bar = WaterfallScale(10, 20).bar(running(12, 17))
    assert (bar.left, bar.width, bar.right, bar.seconds) == (20, 50, 70, 5)


def test_a_long_gap_in_which_nothing_runs_is_idle() -> None:
    spans = [running(0, 60), WaterfallSpan(WAITING, 60, HOUR), running(HOUR, HOUR + 60)]
    assert idle_gaps(spans, start=0, end=HOUR + 60) == [(60, HOUR)]


def test_a_gap_is_not_idle_while_another_step_runs() -> None:
    assert idle_gaps([running(0, 10), running(5, HOUR), running(HOUR - 9, HOUR)], start=0, end=HOUR) == []


def test_waiting_before_the_first_and_after_the_last_is_idle() -> None:
    assert idle_gaps([running(HOUR, HOUR + 60)], start=0, end=2 * HOUR) == [(0, HOUR), (HOUR + 60, 2 * HOUR)]


def test_a_short_pause_is_not_folded() -> None:
    assert idle_gaps([running(0, 2), running(8, 10)], start=0, end=10) == []


def test_a_folded_gap_has_one_width_however_long_it_is() -> None:
    for gap in (HOUR, 1000 * HOUR):
        scale = WaterfallScale(0, 200 + gap, folded=[(100, 100 + gap)])
        share = (100 - FOLD_PERCENT) / 2
        assert scale.at(100) == pytest.approx(share)
        assert scale.at(100 + gap) == pytest.approx(share + FOLD_PERCENT)
        assert scale.at(200 + gap) == pytest.approx(100)
        assert [idle.seconds for idle in scale.folds()] == [gap]


def test_ticks_stand_at_round_times_and_keep_clear_of_folds() -> None:
    scale = WaterfallScale(0, 2 * HOUR, folded=[(30, 2 * HOUR - 30)])
    assert [tick.seconds for tick in scale.ticks()] == [0, 10, 20, 2 * HOUR - 20, 2 * HOUR - 10]


def test_ticks_keep_apart_however_long_it_took() -> None:
    for seconds in (0.3, 7, 100, HOUR, 40 * 24 * HOUR):
        ticks = WaterfallScale(0, seconds).ticks()
        assert 2 <= len(ticks) <= 9
        assert all(other.left - one.left > 5 for one, other in itertools.pairwise(ticks))


def test_a_run_that_took_no_time_has_a_scale_all_the_same() -> None:
    bar = WaterfallScale(5, 5).bar(running(5, 5))
    assert (bar.left, bar.width) == (0, 0)


moments = st.floats(0, 10_000)


@given(st.lists(st.tuples(moments, moments, st.sampled_from([RUNNING, WORKER, WAITING])), min_size=1, max_size=30))
def test_bars_stay_in_their_order_and_in_the_picture(drawn: list[tuple[float, float, str]]) -> None:
    spans = [WaterfallSpan(kind, min(one, other), max(one, other)) for one, other, kind in drawn]
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    scale = WaterfallScale(start, end, folded=idle_gaps(spans, start=start, end=end))
    for span in spans:
        bar = scale.bar(span)
        assert -0.01 <= bar.left <= bar.right <= 100.01
    times = sorted([span.start for span in spans] + [span.end for span in spans])
    places = [scale.at(moment) for moment in times]
    assert places == sorted(places)
