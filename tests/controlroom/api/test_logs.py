from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from controlroom.api.schemas import LogPage
from runs.models import Attempt, LogChunk, Run, Step
from tests.controlroom.api.callers import Caller, problem_in, streamed
from tests.factories import start

TWO = """
pulser: 1
slug: two-logs
steps:
  - {id: one, uses: shell, with: {run: "true"}}
  - {id: two, uses: shell, with: {run: "true"}}
"""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def write(run: Run, key: str, *pieces: bytes, stream: str = "stdout") -> None:
    """Output of the step's first attempt, some time ago."""
    step = Step.objects.get(run=run, key=key)
    attempt, _ = Attempt.objects.get_or_create(step=step, number=1, defaults={"started_at": LONG_AGO})
    offset = sum(len(chunk.data) for chunk in attempt.log.all())
    for piece in pieces:
        LogChunk.objects.create(attempt=attempt, offset=offset, stream=stream, data=piece, at=LONG_AGO)
        offset += len(piece)


@pytest.fixture
def run(db: None) -> Run:
    run = start(TWO)
    write(run, "one", b"first\n", b"second\n")
    write(run, "two", b"other\n", stream="stderr")
    return run


def test_output_comes_as_it_was_written(viewer: Caller, run: Run) -> None:
    page = viewer.get(f"/runs/{run.pk}/log").json()
    assert [item["text"] for item in page["items"]] == ["first\n", "second\n", "other\n"]
    assert page["items"][1] | {"at": None} == {
        "step": "one",
        "attempt": 1,
        "offset": 6,
        "stream": "stdout",
        "text": "second\n",
        "at": None,
    }
    LogPage.model_validate(page)


def test_pages_of_one_step_follow_one_another(viewer: Caller, run: Run) -> None:
    first = viewer.get(f"/runs/{run.pk}/log", step="one", limit=1).json()
    second = viewer.get(f"/runs/{run.pk}/log", step="one", limit=1, after=first["next"]).json()
    assert [page["items"][0]["text"] for page in (first, second)] == ["first\n", "second\n"]
    assert second["next"] is None


def test_the_raw_log_is_the_bytes_themselves(viewer: Caller, run: Run) -> None:
    write(run, "one", b"half \xc3", b"\xa9 and broken \xff\n")
    answer = viewer.get(f"/runs/{run.pk}/log", format="text", step="one")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert streamed(answer) == "first\nsecond\nhalf é and broken ".encode() + b"\xff\n"


def test_a_raw_log_longer_than_one_reading_is_whole(viewer: Caller, run: Run) -> None:
    write(run, "two", *(b"%d\n" % number for number in range(120)))
    lines = streamed(viewer.get(f"/runs/{run.pk}/log", format="text", step="two")).splitlines()
    assert lines == [b"other", *(b"%d" % number for number in range(120))]


def test_json_replaces_bytes_that_are_no_text(viewer: Caller, run: Run) -> None:
    write(run, "two", b"\xff")
    assert viewer.get(f"/runs/{run.pk}/log", step="two").json()["items"][-1]["text"] == "\N{REPLACEMENT CHARACTER}"


def test_logs_of_other_runs_stay_out(viewer: Caller, run: Run) -> None:
    assert viewer.get(f"/runs/{start().pk}/log").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"step": "three"}, 404),
        ({"step": "x" * 101}, 422),
        ({"after": "x"}, 422),
        ({"after": -1}, 422),
        ({"after": 2**63}, 422),
        ({"limit": 201}, 422),
        ({"format": "html"}, 422),
    ],
)
def test_a_bad_question_is_refused(viewer: Caller, run: Run, query: dict[str, Any], status: int) -> None:
    problem_in(viewer.get(f"/runs/{run.pk}/log", **query), status)
