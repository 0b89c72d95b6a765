from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controlroom.ops.health_data import Flow, FlowBucket
from controlroom.ops.plots import HEIGHT, WIDTH, latency, throughput

START = datetime(2026, 11, 21, 11, tzinfo=UTC)


def test_bars_of_a_bucket_stand_on_each_other() -> None:
    plot = throughput(Flow(60, START, [FlowBucket(), FlowBucket(success=3, error=1)]))
    success, error = plot.bars
    assert (success.status, success.y + success.height) == ("success", HEIGHT)
    assert error.y + error.height == pytest.approx(success.y)
    assert error.y == 0.0


def test_the_summary_says_what_the_picture_shows() -> None:
    plot = throughput(Flow(60, START, [FlowBucket(success=2), FlowBucket(error=1)]))
    assert plot.summary == "3 runs ended: 2 success, 1 error, 0 cancelled; at most 2 in 1 m 00 s."


def test_a_range_in_which_nothing_ended_is_empty() -> None:
    assert throughput(Flow(60, START, [FlowBucket(), FlowBucket()])).is_empty
    assert latency(Flow(60, START, [FlowBucket()]), field="wait", title="Wait").is_empty


def test_a_line_has_gaps_where_nothing_was_measured() -> None:
    values = [FlowBucket(wait=(1, 2)), FlowBucket(wait=(2, 4)), FlowBucket(), FlowBucket(wait=(4, 4))]
    median = latency(Flow(60, START, values), field="wait", title="Wait").lines[0]
    assert median.path.count("M") == 2
    assert len(median.dots) == 1


def test_scales_are_round_and_hold_every_value() -> None:
    plot = latency(Flow(60, START, [FlowBucket(took=(0.03, 3.1))]), field="took", title="Duration")
    assert [level.label for level in plot.levels] == ["0", "2.0 s", "4.0 s"]


def test_scales_of_long_times_are_round_in_minutes() -> None:
    plot = latency(Flow(60, START, [FlowBucket(took=(1, 500))]), field="took", title="Duration")
    assert [level.label for level in plot.levels] == ["0", "5 m 00 s", "10 m 00 s"]


def test_times_reach_from_the_first_bucket_to_the_end_of_the_last() -> None:
    times = throughput(Flow(60, START, [FlowBucket()] * 60)).times
    assert (times[0].at, times[0].when, times[-1].at) == (0, START, WIDTH)
    assert times[-1].when == START + timedelta(hours=1)


def test_the_table_leaves_out_what_did_not_happen() -> None:
    plot = throughput(Flow(60, START, [FlowBucket(success=1), FlowBucket(), FlowBucket(error=2)]))
    assert [list(row.values) for row in plot.rows] == [["0", "2", "0"], ["1", "0", "0"]]


def test_a_row_of_the_table_begins_where_its_bucket_does() -> None:
    plot = throughput(Flow(300, START, [FlowBucket(), FlowBucket(), FlowBucket(success=1)]))
    assert [row.when for row in plot.rows] == [START + timedelta(minutes=10)]
