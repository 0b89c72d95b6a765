"""A run's state from its log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pulser.engine.fold import LoggedEvent, RunState, fold_events


def _log(*said: tuple[str, str, int | None, dict[str, Any]]) -> list[LoggedEvent]:
    return [LoggedEvent(seq, *each) for seq, each in enumerate(said, start=1)]


QUEUED = ("run.queued", "", None, {"steps": ["a", "b"]})
STARTED = ("run.started", "", None, {})
CLAIMED = ("step.claimed", "a", 1, {})


def test_before_the_first_event_there_is_nothing() -> None:
    assert fold_events([]) == RunState()


def test_a_new_run_has_all_its_steps_pending() -> None:
    state = fold_events(_log(QUEUED))

    assert (state.status, state.seq) == ("queued", 1)
    assert [step.status for step in state.steps.values()] == ["pending", "pending"]


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("step.queued", {}, "queued"),
        ("step.skipped", {"reason": "a failed"}, "skipped"),
        ("step.cancelled", {"reason": "cancelled"}, "cancelled"),
        ("step.succeeded", {"outputs": {"x": 1}}, "success"),
        ("step.failed", {"reason": "exit code 1"}, "error"),
        ("step.backed_off", {"reason": "exit code 1"}, "backoff"),
        ("step.lost", {}, "queued"),
        ("step.handed_back", {}, "queued"),
        ("step.parked", {"reason": "look"}, "waiting"),
        ("step.suspended", {}, "waiting"),
    ],
)
def test_an_event_of_a_step_gives_its_status_and_reason(kind: str, data: dict[str, Any], status: str) -> None:
    step = fold_events(_log(QUEUED, STARTED, CLAIMED, (kind, "a", 1, data))).steps["a"]

    assert (step.status, step.reason, step.attempt) == (status, data.get("reason", ""), 1)
    assert step.outputs == data.get("outputs")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("run.started", "running"),
        ("run.waiting", "waiting"),
        ("run.resumed", "queued"),
        ("run.succeeded", "success"),
        ("run.failed", "error"),
        ("run.cancelled", "cancelled"),
    ],
)
def test_an_event_of_the_run_gives_its_status(kind: str, status: str) -> None:
    assert fold_events(_log(QUEUED, (kind, "", None, {}))).status == status


def test_events_about_other_things_leave_the_statuses_alone() -> None:
    before = _log(QUEUED, STARTED, CLAIMED)
    others = ["approval.given", "artifact.created", "proof.recorded", "attempt.rejected", "log.cut"]
    after = before + [LoggedEvent(seq, kind, "a", 1, {}) for seq, kind in enumerate(others, start=4)]

    assert fold_events(after).steps == fold_events(before).steps
    assert fold_events(after).status == "running"


def test_every_attempt_beyond_the_first_of_a_step_counts_as_a_retry() -> None:
    state = fold_events(_log(QUEUED, CLAIMED, ("step.claimed", "a", 2, {}), ("step.claimed", "b", 1, {})))

    assert state.retry_count == 1
    assert state.steps["a"].attempt == 2


def test_a_retried_run_has_its_steps_pending_and_keeps_their_fence() -> None:
    ended = ("step.failed", "a", 1, {"reason": "no"})
    asked, retried = ("run.cancel_requested", "", None, {}), ("run.retried", "", None, {"steps": ["a"]})

    state = fold_events(_log(QUEUED, CLAIMED, ended, asked, ("run.cancelled", "", None, {}), retried))

    assert (state.status, state.cancel_requested) == ("queued", False)
    assert (state.steps["a"].status, state.steps["a"].attempt, state.steps["a"].reason) == ("pending", 1, "")


def test_a_run_is_archived_until_it_is_brought_back() -> None:
    archived, back = ("run.archived", "", None, {}), ("run.unarchived", "", None, {})

    assert fold_events(_log(QUEUED, archived)).archived
    assert not fold_events(_log(QUEUED, archived, back)).archived


@pytest.mark.parametrize("seqs", [[2], [1, 3], [1, 1], [1, 2, 2]])
def test_a_gap_or_a_double_in_the_log_is_an_error(seqs: list[int]) -> None:
    with pytest.raises(ValueError, match="is missing"):
        fold_events([LoggedEvent(seq, "run.queued", data={"steps": []}) for seq in seqs])


def _at(second: int) -> datetime:
    return datetime(2026, 11, 21, 12, 0, second, tzinfo=UTC)


def _timed(*said: tuple[str, str, int | None, dict[str, Any]]) -> list[LoggedEvent]:
    return [replace(entry, at=_at(entry.seq)) for entry in _log(*said)]


def test_a_run_has_the_times_of_its_events() -> None:
    log = _timed(QUEUED, STARTED, ("run.waiting", "", None, {}), ("run.resumed", "", None, {}), STARTED)
    state = fold_events([*log, LoggedEvent(6, "run.succeeded", at=_at(6))])

    assert (state.queued_at, state.started_at, state.finished_at) == (_at(4), _at(2), _at(6))
    assert fold_events(log).finished_at is None


def test_a_request_to_end_it_counts_until_the_retry() -> None:
    first, second = {"stop": "timeout", "finally": True}, {"stop": "timeout", "finally": False}
    once = ("run.cancel_requested", "", None, first)
    state = fold_events(_timed(QUEUED, once))
    again = fold_events(_timed(QUEUED, once, ("run.cancel_requested", "", None, second)))
    retried = fold_events(
        _timed(QUEUED, once, ("run.failed", "", None, {"reason": "x"}), ("run.retried", "", None, {"steps": []}))
    )

    assert (state.stop, state.cancel_count, state.cancel_requested_at) == ("timeout", 1, _at(2))
    assert again.cancel_count == 2
    assert (retried.stop, retried.cancel_count, retried.reason, retried.finished_at) == ("", 0, "", None)


def test_a_step_knows_when_its_next_attempt_is_due_until_it_is_queued() -> None:
    backed_off = ("step.backed_off", "a", 1, {"reason": "no", "error_class": "timeout", "delay_s": 2.5})
    waits = fold_events(_timed(QUEUED, STARTED, CLAIMED, backed_off)).steps["a"]
    queued = fold_events(
        _timed(QUEUED, STARTED, CLAIMED, backed_off, ("step.queued", "a", None, {"cause": "retry"}))
    ).steps["a"]

    assert (waits.next_attempt_at, waits.cause) == (_at(4) + timedelta(seconds=2.5), "timeout")
    assert (queued.next_attempt_at, queued.queued_at, queued.cause) == (None, _at(5), "retry")


def test_a_step_that_asks_says_whom_until_when_and_is_silent_afterwards() -> None:
    until = "2026-11-22T12:00:00.000000Z"
    asks = (
        ("step.suspended", "a", 1, {"wait": "approval", "until": until}),
        ("approval.requested", "a", 1, {"role": "admin", "message": "Go?", "until": until, "on_timeout": "approve"}),
    )
    waits = fold_events(_timed(QUEUED, CLAIMED, *asks)).steps["a"]
    over = fold_events(_timed(QUEUED, CLAIMED, *asks, ("step.failed", "a", None, {"reason": "rejected"}))).steps["a"]

    assert (waits.wait_kind, waits.wait_role, waits.wait_message) == ("approval", "admin", "Go?")
    assert (waits.on_timeout, waits.deadline_at) == ("approve", datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert (over.wait_role, over.deadline_at, over.reason) == ("", None, "rejected")


def test_an_attempt_is_open_until_an_event_ends_it() -> None:
    claimed = ("step.claimed", "a", 1, {"worker": "w1", "cause": "first"})
    suspended = ("step.suspended", "a", 1, {"wait": "timer", "until": None})
    during = fold_events(_timed(QUEUED, claimed, suspended)).steps["a"].attempts[1]
    ended = (
        fold_events(_timed(QUEUED, claimed, suspended, ("step.succeeded", "a", None, {"outputs": {}})))
        .steps["a"]
        .attempts[1]
    )

    assert (during.worker, during.cause, during.started_at, during.is_open) == ("w1", "first", _at(2), True)
    assert (ended.is_open, ended.finished_at) == (False, _at(4))


def test_attempts_are_remembered_over_a_retry() -> None:
    ended, retried = ("step.failed", "a", 1, {"reason": "no"}), ("run.retried", "", None, {"steps": ["a"]})

    assert list(fold_events(_timed(QUEUED, CLAIMED, ended, retried)).steps["a"].attempts) == [1]


def test_progress_is_of_the_latest_attempt() -> None:
    told = ("step.progressed", "a", 1, {"done": 3, "total": 9})
    step = fold_events(_log(QUEUED, CLAIMED, told)).steps["a"]
    again = fold_events(_log(QUEUED, CLAIMED, told, ("step.lost", "a", 1, {}), ("step.claimed", "a", 2, {}))).steps["a"]

    assert (step.progress_done, step.progress_total) == (3, 9)
    assert (again.progress_done, again.progress_total) == (None, None)


def test_files_and_verdicts_are_known_once_they_are_told() -> None:
    kept = ("artifact.created", "a", 1, {"name": "report.txt"})
    judged = ("proof.recorded", "a", 1, {"verifier": "regex"})
    state = fold_events(_log(QUEUED, CLAIMED, kept, judged, judged))

    assert state.artifacts == {("a", 1, "report.txt")}
    assert state.verdicts["a", 1] == 2
    assert state.verdicts["b", 1] == 0


def test_a_run_rests_between_its_end_and_its_retry() -> None:
    failed, retried = ("run.failed", "", None, {}), ("run.retried", "", None, {"steps": []})

    state = fold_events(
        _timed(QUEUED, STARTED, failed, retried, STARTED, failed, ("run.unarchived", "", None, {}), retried)
    )

    assert state.rested_s == 1 + 2
    assert fold_events(_timed(QUEUED, ("run.cancelled", "", None, {}), retried)).rested_s == 0
