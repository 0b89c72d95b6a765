"""Each move of the tables, tried from each status: what carries it out allows what the table allows, and no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import runs.transitions
from pulser.engine.states import RUN_MOVES, STEP_MOVES, RunStatus, StepStatus
from pulser.engine.times import NOW, Ahead
from runs import events
from runs.errors import MoveRefused
from runs.models import Event, Run
from runs.transitions.claim import claim_step
from runs.transitions.locked_run import LockedRun, lock_run
from tests.factories import make_run
from tests.runs.helpers import ALICE, event, statuses
from tests.runs.transitions.plans import ONE

pytestmark = pytest.mark.django_db
# What a step must have in these statuses, as the database's own constraints say.
NEEDED: dict[str, dict[str, Any]] = {
    "queued": {"queued_at": NOW, "cause": "ready"},
    "running": {"attempt": 1},
    "backoff": {"next_attempt_at": Ahead(60.0)},
    "waiting": {"deadline_at": Ahead(60.0)},
}
ENDED = {"finished_at": NOW}
BY_HAND = {"reset", "release_and_claim"}  # those that have statements of their own
STEPS = [(name, status) for name in STEP_MOVES if name not in BY_HAND for status in StepStatus]
RUNS = [(name, status) for name in RUN_MOVES for status in RunStatus]
SOURCES = Path(runs.transitions.__file__).parent


def a_step_in(status: str, **fields: Any) -> Run:
    return make_run(status="running", source=ONE, steps={"greet": status}, **fields)


@pytest.mark.parametrize(("name", "status"), STEPS)
def test_a_step_moves_from_the_sources_of_the_table_alone(name: str, status: str) -> None:
    run, move = a_step_in(status), STEP_MOVES[name]

    with lock_run(str(run.pk)) as locked:
        moved = locked.move_steps(name, ["greet"], columns={"reason": "", **NEEDED.get(move.target, {})})

    allowed = status in move.sources
    assert len(moved) == allowed
    assert statuses(run) == {"greet": move.target if allowed else status}


@pytest.mark.parametrize("status", StepStatus)
def test_a_step_is_reset_from_the_sources_of_the_table_alone(status: str) -> None:
    run, move = a_step_in(status), STEP_MOVES["reset"]

    with lock_run(str(run.pk)) as locked:
        locked.reset_steps({"greet": 0})

    assert statuses(run) == {"greet": move.target if status in move.sources else status}


@pytest.mark.parametrize("status", StepStatus)
def test_a_step_is_claimed_while_it_is_released_from_the_sources_of_the_table_alone(status: str) -> None:
    run, move = a_step_in(status), STEP_MOVES["release_and_claim"]

    try:
        with lock_run(str(run.pk)) as locked:
            locked.release(["greet"])
            claim_step(locked, ALICE)
    except ValueError:  # nothing was claimed; the whole transaction is undone
        assert status not in move.sources

    assert statuses(run) == {"greet": move.target if status in move.sources else status}


def test_what_is_claimed_while_it_is_released_is_told_as_both_moves() -> None:
    run = a_step_in("pending")

    with lock_run(str(run.pk)) as locked:
        locked.release(["greet"])
        claim_step(locked, ALICE)

    told = tuple(Event.objects.filter(run=run, step="greet").in_order().values_list("kind", flat=True))
    assert told == STEP_MOVES["release_and_claim"].events


@pytest.mark.parametrize("status", StepStatus)
def test_a_step_is_claimed_from_the_sources_of_the_table_alone(status: str) -> None:
    run, move = a_step_in(status), STEP_MOVES["claim"]

    with lock_run(str(run.pk)) as locked:
        claim_step(locked, ALICE)

    assert statuses(run) == {"greet": move.target if status in move.sources else status}


@pytest.mark.parametrize(("name", "status"), RUNS)
def test_a_run_moves_from_the_sources_of_the_table_alone(name: str, status: str) -> None:
    run, move = make_run(status=status, source=ONE), RUN_MOVES[name]

    if status in move.sources:
        _move(run, name)
        run.refresh_from_db()
        assert (run.status, event(run, move.event).seq) == (move.target, run.seq)
    else:
        with pytest.raises(MoveRefused):
            _move(run, name)
        run.refresh_from_db()
        assert (run.status, run.seq) == (status, 1)


def _move(run: Run, name: str) -> None:
    """With what the database's constraints ask of the status that it leads to."""
    is_ended = RUN_MOVES[name].target in ("success", "error", "cancelled")
    columns = {"finished_at": NOW if is_ended else None, "started_at": NOW}
    with lock_run(str(run.pk)) as locked:
        locked.move_run(name, data={}, columns=columns)


@pytest.mark.parametrize("path", sorted(SOURCES.rglob("*.py")), ids=lambda path: path.name)
def test_no_statement_of_the_moves_spells_a_status(path: Path) -> None:
    """They are taken from the tables, so a table that changes changes them."""
    words = "|".join({*RunStatus, *StepStatus} - {RunStatus.SUCCESS})

    assert re.findall(rf"status[^\n]{{0,30}}'(?:{words})'", path.read_text()) == []


def test_events_are_inserted_by_one_fragment() -> None:
    written = [
        path for path in (*SOURCES.rglob("*.py"), Path(events.__file__)) if "INTO runs_event" in path.read_text()
    ]

    assert [path.name for path in written] == ["events.py"]


@pytest.mark.parametrize("kind", ["run.queued", "step.claimed"])
def test_an_event_of_which_a_statement_knows_a_part_has_all_its_data(kind: str) -> None:
    run = a_step_in("queued")

    with lock_run(str(run.pk)) as locked:
        claim_step(locked, ALICE)

    said = event(run, kind, step="greet" if kind == "step.claimed" else "")
    assert said.data.keys() == events.KINDS[kind][1].keys()
    assert None not in said.data.values()


def test_a_locked_run_knows_what_was_decided_before_it_is_written() -> None:
    run = a_step_in("running")

    with lock_run(str(run.pk)) as locked:
        assert isinstance(locked, LockedRun)
        locked.change_run(stop="cancel", cancel_count=1)
        assert (locked.stop, locked.cancel_count) == ("cancel", 1)
    run.refresh_from_db()
    assert (run.stop, run.cancel_count) == ("cancel", 1)
