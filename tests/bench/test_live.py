from __future__ import annotations

import json

import pytest

from bench.live import Arrival, alone_in_time, delays_of


def frame(at: float, seq: int, run: str = "ours") -> Arrival:
    return Arrival(at, json.dumps({"run": run, "seq": seq, "fragments": []}))


def test_a_commit_is_known_by_the_last_of_its_events() -> None:
    events = [(1, 10.0), (2, 11.0), (3, 11.0001), (4, 11.0002), (5, 12.0)]

    assert alone_in_time(events) == {4: 11.0002, 5: 12.0}


def test_a_commit_soon_after_another_is_not_measured() -> None:
    """The board may join it with the first, and then the joining would be measured."""
    events = [(1, 10.0), (2, 10.2), (3, 11.0)]

    assert alone_in_time(events) == {3: 11.0}


def test_delays_are_those_of_our_run_at_every_socket() -> None:
    socket = [frame(11.001, 4, run="another"), frame(11.005, 4), frame(11.9, 9)]

    assert delays_of([socket] * 10, {4: 11.0}, run_id="ours") == pytest.approx([5.0] * 10)


def test_a_frame_that_shows_more_shows_the_event_too() -> None:
    """A server that is late reads what has come meanwhile: the event has waited until then."""
    assert delays_of([[frame(11.0, 3), frame(12.5, 9)]], {4: 11.5}, run_id="ours") == pytest.approx([1000.0])


def test_an_event_that_one_board_never_showed_ends_the_bench() -> None:
    with pytest.raises(SystemExit, match="never showed event 4"):
        delays_of([[frame(11.005, 4)], [frame(11.005, 3)]], {4: 11.0}, run_id="ours")
