from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controlroom.web.templatetags.status_notes import (
    ran,
    run_custody,
    run_note,
    run_status_word,
    step_custody,
    step_note,
)
from pulser.engine.states import RUN_OPEN, STEP_OPEN
from runs.models import Attempt, Lane, Run, Step

SOON = timezone.now() + timedelta(seconds=30)


def run_of(status: str, **fields: object) -> Run:
    return Run(status=status, lane=Lane(name="A"), **fields)


def test_a_running_card_names_what_runs() -> None:
    steps = [Step(key=key, status="running") for key in ("a", "b", "c", "d")]
    assert run_note(run_of("running"), steps).text == "a, b and 2 more"


def test_a_card_that_backs_off_counts_down() -> None:
    note = run_note(run_of("running"), [Step(key="fetch", status="backoff", next_attempt_at=SOON)])
    assert (note.text, note.until) == ("fetch: retry", SOON)


def test_a_card_that_waits_for_a_person_asks_the_question() -> None:
    step = Step(key="sign-off", status="waiting", deadline_at=SOON, wait_role="operator", wait_message="Release it?")
    assert run_note(run_of("waiting"), [step]).text == "for operator: Release it?"


def test_a_failed_card_gives_the_first_cause() -> None:
    steps = [Step(key="clone", status="success"), Step(key="test", status="error", reason="exit code 1")]
    assert run_note(run_of("error"), steps).text == "test: exit code 1"


def test_reasons_are_told_without_terminal_escapes() -> None:
    step = Step(key="test", status="error", reason="exit code 1: \x1b[31mbroken\x1b[0m")
    assert run_note(run_of("error"), [step]).text == "test: exit code 1: broken"
    assert step_note(step, []) == "exit code 1: broken"


def test_a_card_of_success_says_what_failed_all_the_same() -> None:
    steps = [Step(key="lint", status="error", reason="exit code 1"), Step(key="test", status="success")]
    assert run_note(run_of("success"), steps).text == "lint failed (continue_on_error)"
    assert run_note(run_of("success"), steps[1:]).text == ""


def test_a_failed_card_says_what_the_step_said_and_not_that_it_failed() -> None:
    steps = [
        Step(key="tidy", status="error", reason="gone"),
        Step(key="load", status="error", reason="no \x1b[31msuch"),
    ]
    assert run_note(run_of("error", reason="load failed"), steps).text == "load: no such"
    assert run_note(run_of("error", reason="the plan timed out"), steps).text == "the plan timed out"


def test_a_failed_card_without_a_message_names_the_step() -> None:
    assert run_note(run_of("error", reason="load failed"), [Step(key="load", status="error")]).text == "load failed"


def test_a_run_that_is_being_ended_says_so() -> None:
    assert run_status_word(run_of("running", stop="cancel")) == "cancelling"


@pytest.mark.parametrize("status", sorted(RUN_OPEN))
def test_each_open_run_has_somebody_who_must_act(status: str) -> None:
    following = run_custody(run_of(status), [])
    assert following is not None
    assert following.owner
    assert following.deadline
    assert following.then


@pytest.mark.parametrize("status", sorted(STEP_OPEN))
def test_each_open_step_has_somebody_who_must_act(status: str) -> None:
    following = step_custody(Step(key="clone", status=status), [])
    assert following is not None
    assert following.owner
    assert following.deadline
    assert following.then


def test_a_running_step_is_its_worker_s_until_the_lease_ends() -> None:
    attempt = Attempt(number=1, worker="w2", lease_expires=SOON)
    following = step_custody(Step(key="clone", status="running"), [attempt])
    assert following is not None
    assert (following.owner, following.deadline_at) == ("w2", SOON)


def test_the_lease_that_ends_first_speaks_for_a_running_run() -> None:
    late, soon = Step(key="late", status="running"), Step(key="soon", status="running")
    vars(late)["open_attempts"] = [Attempt(worker="w1", lease_expires=SOON + timedelta(seconds=9))]
    vars(soon)["open_attempts"] = [Attempt(worker="w2", lease_expires=SOON)]
    following = run_custody(run_of("running"), [late, soon])
    assert following is not None
    assert (following.owner, following.deadline_at) == ("w2 (step soon)", SOON)


def test_an_approval_says_what_silence_means() -> None:
    step = Step(key="ok", status="waiting", deadline_at=SOON, wait_role="operator", on_timeout="reject")
    following = step_custody(step, [])
    assert following is not None
    assert (following.owner, following.then) == ("operator", "it is rejected")


def test_a_waiting_run_is_with_whoever_must_act_first() -> None:
    asked = Step(key="ok", status="waiting", deadline_at=SOON, wait_role="operator", on_timeout="reject")
    later = Step(key="pause", status="waiting", deadline_at=SOON + timedelta(hours=1), wait_kind="timer")
    following = run_custody(run_of("waiting"), [later, asked])
    assert following is not None
    assert (following.owner, following.deadline_at, following.then) == ("operator (step ok)", SOON, "it is rejected")


def test_a_step_without_a_reason_shows_what_its_last_attempt_said() -> None:
    attempts = [Attempt(number=1, error_message="first"), Attempt(number=2, error_message="second")]
    assert step_note(Step(status="backoff"), attempts) == "second"


def test_a_run_that_was_retried_tells_how_long_it_ran_and_on_hover_how_long_it_did_not() -> None:
    end = timezone.now()
    html = ran(run_of("success", started_at=end - timedelta(seconds=430), finished_at=end, rested_s=420))
    assert ">10 s</span>" in html
    assert "without 7 m 00 s before a retry" in html
    assert "before a retry" not in ran(run_of("success", started_at=end, finished_at=end))
