"""A run's state from its log."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.engine.fold import Entry, RunState, fold


def _log(*said: tuple[str, str, int | None, dict[str, Any]]) -> list[Entry]:
    return [Entry(seq, *each) for seq, each in enumerate(said, start=1)]


QUEUED = ("run.queued", "", None, {"steps": ["a", "b"]})
STARTED = ("run.started", "", None, {})
CLAIMED = ("step.claimed", "a", 1, {})


def test_before_the_first_event_there_is_nothing() -> None:
    assert fold([]) == RunState()


def test_a_new_run_has_all_its_steps_pending() -> None:
    state = fold(_log(QUEUED))

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
    step = fold(_log(QUEUED, STARTED, CLAIMED, (kind, "a", 1, data))).steps["a"]

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
    assert fold(_log(QUEUED, (kind, "", None, {}))).status == status


def test_events_about_other_things_leave_the_statuses_alone() -> None:
    before = _log(QUEUED, STARTED, CLAIMED)
    others = ["approval.given", "artifact.created", "proof.recorded", "attempt.rejected", "log.cut"]
    after = before + [Entry(seq, kind, "a", 1, {}) for seq, kind in enumerate(others, start=4)]

    assert fold(after).steps == fold(before).steps
    assert fold(after).status == "running"


def test_every_attempt_beyond_the_first_of_a_step_counts_as_a_retry() -> None:
    state = fold(_log(QUEUED, CLAIMED, ("step.claimed", "a", 2, {}), ("step.claimed", "b", 1, {})))

    assert state.retry_count == 1
    assert state.steps["a"].attempt == 2


def test_a_retried_run_has_its_steps_pending_and_keeps_their_fence() -> None:
    ended = ("step.failed", "a", 1, {"reason": "no"})
    asked, retried = ("run.cancel_requested", "", None, {}), ("run.retried", "", None, {"steps": ["a"]})

    state = fold(_log(QUEUED, CLAIMED, ended, asked, ("run.cancelled", "", None, {}), retried))

    assert (state.status, state.cancel_requested) == ("queued", False)
    assert (state.steps["a"].status, state.steps["a"].attempt, state.steps["a"].reason) == ("pending", 1, "")


def test_a_run_is_archived_until_it_is_brought_back() -> None:
    archived, back = ("run.archived", "", None, {}), ("run.unarchived", "", None, {})

    assert fold(_log(QUEUED, archived)).archived
    assert not fold(_log(QUEUED, archived, back)).archived


@pytest.mark.parametrize("seqs", [[2], [1, 3], [1, 1], [1, 2, 2]])
def test_a_gap_or_a_double_in_the_log_is_an_error(seqs: list[int]) -> None:
    with pytest.raises(ValueError, match="is missing"):
        fold([Entry(seq, "run.queued", data={"steps": []}) for seq in seqs])
