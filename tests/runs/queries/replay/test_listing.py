from __future__ import annotations

from typing import Any

import pytest

from runs.models import Event, Run
from runs.queries.replay.listing import SHOWN, EventFilter, last_events, read_filter
from runs.queries.replay.slider_marks import MARKS, slider_marks
from tests.factories import say, start
from tests.runs.transitions.plans import TWO

pytestmark = pytest.mark.django_db


def told() -> Run:
    run = start(TWO)
    say(run, "run.started", lane="A")
    Event.objects.filter(
        pk=(run.pk, say(run, "step.backed_off", reason="exit code 3", outputs={"x": "hidden"}).seq)
    ).update(step="first", attempt=1)
    say(run, "approval.requested", message="Größe?")
    say(run, "artifact.created", name="report.txt")
    say(run, "proof.recorded", verifier="regex")
    say(run, "attempt.rejected", worker="w")
    return run


def seqs(run: Run, **wanted: str) -> list[int]:
    return [event.seq for event in last_events(run.pk, EventFilter(**wanted)).events]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"group": "run"}, [1, 2]),
        ({"group": "step"}, [3, 7]),
        ({"group": "approval"}, [4]),
        ({"group": "artifact"}, [5]),
        ({"group": "proof"}, [6]),
        ({"group": "nonsense"}, []),
        ({"step": "first"}, [3]),
        ({"step": "nobody"}, []),
        ({"text": "EXIT code"}, [3]),
        ({"text": "backed off"}, [3]),
        ({"text": "größe"}, [4]),
        ({"text": "report.txt"}, [5]),
        ({"text": "hidden"}, []),
        ({"text": "%"}, []),
        ({"group": "step", "text": "exit"}, [3]),
    ],
)
def test_a_filter_lets_pass_what_it_names(wanted: dict[str, str], expected: list[int]) -> None:
    assert seqs(told(), **wanted) == expected


def test_outputs_are_not_read_for_a_list() -> None:
    assert last_events(told().pk).events[2].data == {"reason": "exit code 3"}


def test_the_last_ones_are_listed_and_where_more_of_them_are() -> None:
    run = start(TWO)
    events = [
        Event(run=run, seq=seq, kind="step.progressed", data={}, at=run.created_at) for seq in range(2, SHOWN + 12)
    ]
    Event.objects.bulk_create(events)

    last = last_events(run.pk, EventFilter(text="progressed"))
    rest = last_events(run.pk, EventFilter(text="progressed"), before=last.earlier_than)

    assert (last.events[0].seq, last.events[-1].seq, last.earlier_than) == (12, SHOWN + 11, 12)
    assert ([event.seq for event in rest.events], rest.earlier_than) == (list(range(2, 12)), None)


def test_a_filter_is_read_from_an_address_and_written_back() -> None:
    asked: dict[str, Any] = {"group": "step", "text": " a\0&b ", "other": "x"}

    assert read_filter(asked) == EventFilter(group="step", text="a&b")
    assert read_filter(asked).query == "group=step&text=a%26b"
    assert EventFilter().query == ""


def test_marks_stand_at_their_events_and_show_the_weightiest() -> None:
    run = told()

    assert [(tick.left, tick.status) for tick in slider_marks(run.pk, 7)] == [
        (0.0, "pending"),
        (16.67, "running"),
        (33.33, "waiting"),
        (50.0, "waiting"),
        (66.67, "pending"),
        (83.33, "pending"),
        (100.0, "error"),
    ]


def test_a_long_log_has_no_more_marks_than_there_is_room_for() -> None:
    run = start(TWO)
    kinds = ["step.failed" if seq == 5_000 else "step.progressed" for seq in range(2, 10_001)]
    events = [Event(run=run, seq=seq, kind=kind, data={}, at=run.created_at) for seq, kind in enumerate(kinds, start=2)]
    Event.objects.bulk_create(events)

    found = slider_marks(run.pk, 10_000)

    assert len(found) == MARKS
    assert sum(tick.count for tick in found) == 10_000
    (failed,) = [tick for tick in found if tick.status == "error"]
    assert 49 < failed.left < 50.5
