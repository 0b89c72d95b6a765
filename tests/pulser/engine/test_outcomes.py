"""Outcomes as values: each is about one arrow of the table, and says of itself what is written and told."""

from __future__ import annotations

import pytest

from pulser.engine.outcomes import (
    BackedOff,
    Cancelled,
    Completed,
    Failed,
    Outcome,
    Parked,
    Refused,
    Skipped,
    Stopped,
    Success,
    Suspended,
    failure,
)
from pulser.engine.states import STEP_ENDED, STEP_MOVES, StepStatus
from pulser.engine.times import Ahead
from pulser.language.catalogue import ErrorClass

TIMER = Suspended("timer", "succeed", for_s=60.0)
ASK = Suspended("approval", "reject", role="operator", message="Go?")
OUTCOMES = [
    Success({"n": 1}),
    Completed({}),
    Failed(ErrorClass.FAILED, "no"),
    Refused(ErrorClass.TIMEOUT, "no"),
    BackedOff(ErrorClass.TRANSIENT, "busy", 4.0),
    TIMER,
    ASK,
    Parked.because("look first"),
    Stopped(),
    Cancelled("no"),
    Skipped("condition", "no"),
]
NAMES = [f"{type(outcome).__name__}-{number}" for number, outcome in enumerate(OUTCOMES)]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=NAMES)
def test_an_outcome_is_a_fact_when_its_move_ends_the_step(outcome: Outcome) -> None:
    target = STEP_MOVES[outcome.move].target

    assert (outcome.fact.status if outcome.fact else None) == (target if target in STEP_ENDED else None)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=NAMES)
def test_an_outcome_is_told_by_the_event_of_its_move_first(outcome: Outcome) -> None:
    told = [kind for kind, _ in outcome.events(until="2026-11-21T12:00:00Z")]

    assert told[0] == STEP_MOVES[outcome.move].event
    assert told[1:] == (["approval.requested"] if getattr(outcome, "role", "") else [])


@pytest.mark.parametrize("outcome", OUTCOMES, ids=NAMES)
def test_an_attempt_waits_where_the_step_does(outcome: Outcome) -> None:
    assert outcome.attempt.waits == (STEP_MOVES[outcome.move].target == StepStatus.WAITING)
    assert ("deadline_at" in outcome.columns and outcome.columns["deadline_at"] is not None) == outcome.attempt.waits


def test_a_run_that_is_ended_begins_no_pause_and_asks_nobody() -> None:
    assert BackedOff(ErrorClass.FAILED, "no", 4.0).in_ending_run() == Failed(ErrorClass.FAILED, "no")
    assert ASK.in_ending_run() == Stopped()
    assert Success({}).in_ending_run() == Success({})


def test_a_failure_with_a_delay_is_followed_by_another_attempt() -> None:
    assert failure(ErrorClass.FAILED, "no") == Failed(ErrorClass.FAILED, "no")
    assert failure(ErrorClass.FAILED, "no", delay=0.0).columns["next_attempt_at"] == Ahead(0.0)


def test_a_long_message_is_cut_for_the_step_and_kept_for_the_attempt() -> None:
    outcome = Failed(ErrorClass.FAILED, "x" * 900)

    assert len(outcome.columns["reason"]) == len(outcome.events()[0][1]["reason"]) == 500
    assert len(outcome.attempt.message) == 900


def test_a_failed_attempt_tells_its_exit_code_and_its_delay() -> None:
    ((_, told),) = BackedOff(ErrorClass.FAILED, "no", 1.23456).events(exit_code=3)

    assert told == {"reason": "no", "error_class": "failed", "exit_code": 3, "delay_s": 1.235}
