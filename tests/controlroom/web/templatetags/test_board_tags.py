from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controlroom.web.templatetags.board import (
    card_ribbon,
    pace,
    pace_left,
    pace_words,
    slots,
    step_progress,
    tick,
    took,
    waited,
)
from runs.models import Run, Step
from tests.tables import DURATIONS


def running(*, since_s: float) -> Run:
    return Run(status="running", started_at=timezone.now() - timedelta(seconds=since_s))


@pytest.mark.parametrize(
    ("used", "limit", "held", "free"),
    [(0, 4, 0, 4), (3, 4, 3, 1), (5, 4, 4, 0), (12, 12, 12, 0), (1, 13, 0, 0)],
)
def test_slots_are_dots_up_to_a_dozen(used: int, limit: int, held: int, free: int) -> None:
    html = slots(used, limit)
    assert (html.count('<i class="held">'), html.count("<i></i>")) == (held, free)
    assert f"<b>{used}</b>/{limit}" in html
    assert ("data-full" in html) is (used >= limit)


def test_a_bar_fills_up_to_the_expected_end() -> None:
    html = pace(running(since_s=30), 60.0)
    assert 'max="60.0" value="30.0"' in html
    assert "data-over" not in html


def test_beyond_its_expected_end_a_run_is_said_to_take_longer() -> None:
    html = pace(running(since_s=90), 60.0)
    assert 'max="60.0" value="60.0"' in html
    assert "data-over" in html
    assert ">longer than usual<" in html


def test_without_an_expectation_there_is_no_bar() -> None:
    assert pace(running(since_s=30), None) == ""
    assert pace(Run(status="queued"), 60.0) == ""


@pytest.mark.parametrize(("past", "usual", "said", "short"), DURATIONS["pace"])
def test_progress_is_told_in_words(past: float, usual: float, said: str, short: str) -> None:
    assert (pace_words(past, usual), pace_left(past, usual)) == (said, short)


def test_page_and_browser_know_the_same_expectation() -> None:
    shown = pace(running(since_s=10), 59.96)
    assert 'data-progress-s="60.0"' in shown
    assert "usually takes 1 m 00 s" in shown


def test_of_the_steps_under_work_the_first_that_tells_is_shown() -> None:
    silent, done = Step(status="running"), Step(status="success", progress_total=5)
    telling = Step(status="running", progress_total=9)
    assert step_progress([done, silent, telling]) is telling
    assert step_progress([done, silent]) is None


@pytest.mark.parametrize(("seconds", "shown"), [(5, "5 s"), (125, "2 m"), (7300, "2 h"), (200_000, "2 d")])
def test_a_wait_is_told_in_one_unit(seconds: float, shown: str) -> None:
    assert f">{shown}</time>" in waited(timezone.now() - timedelta(seconds=seconds + 0.5))


def test_a_run_that_has_ended_tells_how_long_it_took_and_ticks_no_more() -> None:
    end = timezone.now()
    assert took(Run(started_at=end - timedelta(seconds=42), finished_at=end)) == "42 s"
    assert "data-tick" in took(running(since_s=3))
    assert took(Run(status="queued")) == ""


def test_the_time_between_an_end_and_a_retry_is_no_part_of_how_long_it_took() -> None:
    end = timezone.now()
    run = Run(started_at=end - timedelta(seconds=430), finished_at=end, rested_s=420)
    assert took(run) == "10 s"
    run = running(since_s=430)
    run.rested_s = 420
    assert 'value="10.0"' in pace(run, 30)


def test_a_ribbon_of_a_card_has_a_segment_for_each_step_and_one_summary() -> None:
    html = card_ribbon([Step(key="a", status="success"), Step(key="b", status="running")])
    assert html.count("<i data-status=") == 2
    assert 'aria-label="1 of 2 steps ended: 1 success, 1 running"' in html


def test_a_title_in_the_name_of_a_box_is_escaped() -> None:
    assert "<b>" not in tick(Run(title="<b>bold</b>", status="queued"))
