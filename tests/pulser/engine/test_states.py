"""The state machine's tables: complete, and closed in themselves."""

from __future__ import annotations

import pytest

from pulser.engine.states import (
    RUN_ENDED,
    RUN_MOVES,
    RUN_OPEN,
    RUN_STATUS_OWNERS,
    STEP_ENDED,
    STEP_MOVES,
    STEP_OPEN,
    STEP_STATUS_OWNERS,
    Move,
    RunStatus,
    StatusOwner,
    StepStatus,
    status_told,
)


@pytest.mark.parametrize("status", sorted(RUN_OPEN))
def test_every_open_run_has_somebody_who_must_act(status: RunStatus) -> None:
    assert all(_said(RUN_STATUS_OWNERS[status]))


@pytest.mark.parametrize("status", sorted(STEP_OPEN))
def test_every_open_step_has_somebody_who_must_act(status: StepStatus) -> None:
    assert all(_said(STEP_STATUS_OWNERS[status]))


def test_nobody_has_custody_of_what_has_ended() -> None:
    assert not RUN_STATUS_OWNERS.keys() & RUN_ENDED
    assert not STEP_STATUS_OWNERS.keys() & STEP_ENDED


def _said(custody: StatusOwner) -> tuple[str, str, str]:
    return custody.owner, custody.deadline, custody.then


@pytest.mark.parametrize(("name", "move"), RUN_MOVES.items())
def test_a_run_move_leads_from_run_statuses_to_one(name: str, move: Move) -> None:
    assert move.sources <= frozenset(RunStatus)
    assert RunStatus(move.target) not in move.sources
    assert move.event.startswith("run.")


@pytest.mark.parametrize(("name", "move"), STEP_MOVES.items())
def test_a_step_move_leads_from_step_statuses_to_one(name: str, move: Move) -> None:
    assert move.sources <= frozenset(StepStatus)
    assert StepStatus(move.target) not in move.sources
    assert move.event.startswith("step.") or (name, move.event) == ("reset", "run.retried")


def test_only_a_retry_leads_out_of_an_ended_run() -> None:
    assert {name for name, move in RUN_MOVES.items() if move.sources & RUN_ENDED} == {"retry"}


def test_only_a_reset_leads_out_of_an_ended_step() -> None:
    assert {name for name, move in STEP_MOVES.items() if move.sources & STEP_ENDED} == {"reset"}


@pytest.mark.parametrize("status", sorted(RUN_OPEN))
def test_every_open_run_can_be_cancelled(status: RunStatus) -> None:
    assert status in RUN_MOVES["cancel"].sources


@pytest.mark.parametrize("status", sorted(STEP_OPEN))
def test_every_open_step_can_be_cancelled(status: StepStatus) -> None:
    assert status in STEP_MOVES["cancel"].sources


def test_every_status_can_be_reached() -> None:
    assert {move.target for move in RUN_MOVES.values()} == set(RunStatus)
    assert {move.target for move in STEP_MOVES.values()} == set(StepStatus)


def test_an_event_of_a_step_always_means_the_same_status() -> None:
    targets: dict[str, set[str]] = {}
    for move in STEP_MOVES.values():
        targets.setdefault(move.event, set()).add(move.target)

    assert all(len(found) == 1 for found in targets.values()), targets


def test_events_of_one_kind_tell_one_status() -> None:
    moves = [*RUN_MOVES.values(), *(move for move in STEP_MOVES.values() if move.event.startswith("step."))]
    assert [move for move in moves if status_told(move.event) != move.target] == []


def test_a_run_is_queued_by_its_creation() -> None:
    assert status_told("run.queued") == RunStatus.QUEUED


@pytest.mark.parametrize("kind", ["run.archived", "run.cancel_requested", "step.progressed", "artifact.created"])
def test_other_events_tell_no_status(kind: str) -> None:
    assert status_told(kind) is None
