from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controlroom.web.templatetags.times import ago, as_of, clock, coarse, lasted, length, moment, until
from tests.tables import DURATIONS

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "shown"), DURATIONS["exact"])
def test_lengths_read_at_a_glance(seconds: float, shown: str) -> None:
    assert length(seconds) == shown


@pytest.mark.parametrize(("seconds", "shown"), DURATIONS["ticking"])
def test_lengths_that_tick_have_no_tenths(seconds: float, shown: str) -> None:
    with as_of(NOON):
        assert f">{shown}<" in lasted(NOON - timedelta(seconds=seconds), None)


@pytest.mark.parametrize(("past", "shown"), DURATIONS["age"])
def test_ages_are_round(past: float, shown: str) -> None:
    with as_of(NOON):
        assert f">{shown}<" in ago(NOON - timedelta(seconds=past))


@pytest.mark.parametrize(("seconds", "shown"), DURATIONS["coarse"])
def test_little_room_has_one_unit(seconds: float, shown: str) -> None:
    assert coarse(seconds) == shown


@pytest.mark.parametrize(("left", "shown"), DURATIONS["until"])
def test_what_is_to_come_is_told_by_how_long_it_takes(left: float, shown: str) -> None:
    with as_of(NOON):
        assert f">{shown}<" in until(NOON + timedelta(seconds=left))


def test_what_runs_ticks_and_what_ended_stands() -> None:
    assert 'data-tick="since"' in lasted(timezone.now(), None)
    assert lasted(NOON, NOON + timedelta(seconds=5)).endswith(">5.0 s</span>")


def test_what_has_not_begun_has_no_length() -> None:
    assert lasted(None, None) == ""


def test_a_moment_that_passed_is_due() -> None:
    assert ">due<" in until(timezone.now() - timedelta(seconds=1))


def test_moments_name_their_zone() -> None:
    assert moment(NOON).endswith(">2026-11-21 12:00:00 UTC</time>")
    assert 'title="2026-11-21 12:00:00 UTC"' in clock(NOON)


def test_as_of_a_moment_times_are_those_of_then_and_none_ticks() -> None:
    with as_of(NOON):
        shown = [
            lasted(NOON - timedelta(seconds=7), None),
            ago(NOON - timedelta(minutes=2)),
            until(NOON + timedelta(seconds=9)),
        ]

    assert [">7 s<" in shown[0], ">2 min ago<" in shown[1], ">in 9 s<" in shown[2]] == [True] * 3
    assert not any("data-tick" in one for one in shown)
    assert "data-tick" in ago(NOON), "afterwards it is now again"
