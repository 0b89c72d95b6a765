from __future__ import annotations

import json

import pytest

from bench import viewers
from bench.viewers import Arrival, delays_of, wrong_in

SAID = {"r1": {1: 10.0, 2: 10.1, 3: 10.2}}


def removal(at: float, seq: int) -> Arrival:
    fragment = {"target": "#run-r1", "swap": "delete", "html": ""}
    text = json.dumps({"run": "r1", "seq": seq, "fragments": [fragment]}, separators=(",", ":"))
    return Arrival(at, "r1", seq, text)


def events(*seqs: int) -> Arrival:
    return Arrival(10.3, "r1", seqs[-1], json.dumps({"run": "r1", "events": [{"seq": seq} for seq in seqs]}))


def test_an_event_is_shown_by_the_first_frame_that_reaches_it() -> None:
    arrivals = [Arrival(10.05, "r1", 1), Arrival(10.3, "r1", 3), Arrival(10.0, "another", 9)]
    assert list(delays_of(arrivals, SAID)) == pytest.approx([50, 200, 100])


@pytest.fixture
def one_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "ALL_PASS", {"": 1})
    monkeypatch.setattr(viewers, "NONE_STAYS", {"status=running": 1})
    monkeypatch.setattr(viewers, "EVENTS", {"format=events": 1})


WHOLE = {
    "": [[Arrival(10.3, "r1", 3)]],
    "status=running": [[Arrival(10.1, "r1", 2), removal(10.3, 3)]],
    "format=events": [[events(1, 2), events(3)]],
}


@pytest.mark.usefixtures("one_of_each")
def test_nothing_is_wrong_when_all_came() -> None:
    assert wrong_in(WHOLE, SAID) == 0


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(
    ("query", "arrivals", "reason"),
    [
        ("", [Arrival(10.1, "r1", 2)], "the end is missing"),
        ("", [], "it never appeared"),
        ("status=running", [Arrival(10.1, "r1", 2)], "it stays though it has ended"),
        ("format=events", [events(1), events(3)], "an event is missing"),
        ("format=events", [events(1, 2), events(2, 3)], "one came twice"),
        ("format=events", [events(1, 3, 2)], "they are out of order"),
    ],
)
def test_what_is_wrong_is_counted(query: str, arrivals: list[Arrival], reason: str) -> None:
    assert wrong_in({**WHOLE, query: [arrivals]}, SAID) == 1, reason
