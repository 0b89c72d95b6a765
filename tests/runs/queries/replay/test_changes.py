"""What a slider that moves on is sent: what is left out looks as it did."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string

from controlroom.web.presenters.run_page import step_rows
from controlroom.web.templatetags.times import as_of
from runs.models import Run
from runs.queries.replay import changes
from runs.queries.replay.changes import changed_since
from runs.queries.replay.past_run import read_past_run
from tests.factories import start
from tests.runs.queries.replay.test_log import lost_and_found, tried_again, waited
from tests.runs.transitions.plans import TWO

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_told", type(changes._told)())


def rows_at(run: Run, seq: int) -> list[dict[str, Any]]:
    past = read_past_run(run, seq, keys=())
    assert past
    return step_rows(past.moment)


def drawn(run: Run, seq: int, rows: list[dict[str, Any]]) -> dict[str, str]:
    """The rows as they look; the address behind an opened one names the moment."""
    with as_of(run.events.get(seq=seq).at + timedelta(minutes=seq)):  # as if there were time between them
        found = {row["step"].key: render_to_string("runs/_step.html", row) for row in rows}
    return {key: re.sub(r"\?at=\d+", "", html) for key, html in found.items()}


@pytest.mark.parametrize("story", [tried_again, lost_and_found, waited])
def test_what_is_left_out_looks_the_same(story: Any) -> None:
    run = story()
    run.refresh_from_db()
    left_out = 0
    shown, before = 1, rows_at(run, 1)
    changed_since(run.pk, 0, now=1, rows=before)
    for seq in [*range(2, run.seq + 1), 3, run.seq - 2, 5]:  # on, and to and fro
        rows = rows_at(run, seq)
        changed = changed_since(run.pk, shown, now=seq, rows=rows)
        assert changed is not None
        was, is_ = drawn(run, shown, before), drawn(run, seq, rows)
        assert {key for key in is_ if was[key] != is_[key]} <= changed
        left_out += len(is_) - len(changed)
        shown, before = seq, rows
    assert left_out or len(before) == 1, "else all is sent each time"


def test_a_moment_that_was_not_told_lately_is_not_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "PRINTS_KEPT", 2)
    run = start(TWO)
    rows = rows_at(run, 1)
    assert changed_since(run.pk, 7, now=1, rows=rows) is None
    assert changed_since(run.pk, 1, now=2, rows=rows) == set()
    assert changed_since(run.pk, 2, now=3, rows=rows) == set()
    assert changed_since(run.pk, 1, now=4, rows=rows) is None


def test_another_run_is_another() -> None:
    run, other = start(TWO), start(TWO)
    changed_since(run.pk, 0, now=1, rows=rows_at(run, 1))
    assert changed_since(other.pk, 1, now=2, rows=rows_at(other, 1)) is None
