from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controlroom.web.templatetags.times import ago, as_of, clock, lasted, length, moment, until

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (4.23, "4.2 s"),
        (42.9, "42 s"),
        (187, "3 m 07 s"),
        (7500, "2 h 05 m"),
        (3 * 86400 + 4 * 3600 + 59, "3 d 4 h"),
    ],
)
def test_lengths_read_at_a_glance(seconds: float, shown: str) -> None:
    assert length(seconds) == shown


@pytest.mark.parametrize(
    ("past", "shown"), [(2, "just now"), (30, "30 s ago"), (150, "2 min ago"), (7300, "2 h ago"), (90000, "1 d ago")]
)
def test_ages_are_round(past: int, shown: str) -> None:
    assert f">{shown}<" in ago(timezone.now() - timedelta(seconds=past))


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
