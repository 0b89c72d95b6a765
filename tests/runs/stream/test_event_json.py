from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from runs.models import Event
from runs.stream.event_json import dumps, event_json, rfc3339

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text", "reason"),
    [
        (NOON, "2026-11-21T12:00:00.000000Z", "microseconds are always there"),
        (NOON.replace(microsecond=7), "2026-11-21T12:00:00.000007Z", "and all six of them"),
        (NOON.astimezone(timezone(timedelta(hours=5))), "2026-11-21T12:00:00.000000Z", "always in UTC"),
    ],
)
def test_times_are_rfc_3339_in_utc(moment: datetime, text: str, reason: str) -> None:
    assert rfc3339(moment) == text, reason


def test_an_event_about_the_run_itself_has_no_step() -> None:
    event = Event(run_id="0190-run", seq=3, kind="run.started", data={"lane": "A"}, at=NOON)
    assert event_json(event) == {
        "run": "0190-run",
        "seq": 3,
        "kind": "run.started",
        "step": None,
        "attempt": None,
        "data": {"lane": "A"},
        "at": "2026-11-21T12:00:00.000000Z",
    }


def test_json_stays_on_one_line() -> None:
    assert dumps({"text": "a\nb"}) == '{"text":"a\\nb"}'
