from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controlroom.web.drawing.waterfall import PAUSE, RUNNING, SLOT, WAITING, WORKER
from controlroom.web.presenters import waterfall as bars
from controlroom.web.presenters.waterfall import waterfall
from runs.models import Attempt, Run, Step
from runs.queries.run_snapshot import EventSummary, RunSnapshot

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def attempt(number: int, queued: float, started: float, finished: float | None, **fields: str) -> Attempt:
    outcome = fields.pop("outcome", "success" if finished is not None else "")
    times = {"queued_at": at(queued), "started_at": at(started)}
    ended = {"finished_at": at(finished) if finished is not None else None}
    return Attempt(number=number, outcome=outcome, **times, **ended, **fields)


def moment_of(
    *attempts: Attempt, step: Step | None = None, told: list[tuple[str, float]], now: float = 100
) -> RunSnapshot:
    step = step or Step(key="a", status="success", position=0)
    events = [
        EventSummary(seq, kind, "a" if kind.startswith("step") else "", at(when))
        for seq, (kind, when) in enumerate(told)
    ]
    return RunSnapshot(Run(), [step], {"a": list(attempts)}, events, at(now), None)


def drawn(moment: RunSnapshot) -> list[tuple[str, float]]:
    """Kind and length in seconds of each bar of the only row."""
    (row,) = waterfall(moment).rows
    return [(bar.kind, round(bar.seconds, 3)) for bar in row.bars]


STARTED = [("run.queued", 0), ("run.started", 3)]


def test_a_first_step_waits_for_the_slot_of_its_run_then_for_a_worker() -> None:
    moment = moment_of(attempt(1, 3.01, 4, 9), told=STARTED)
    assert drawn(moment) == [(SLOT, 3), (WORKER, 1), (RUNNING, 5)]


def test_a_later_step_waits_for_a_worker_alone() -> None:
    assert drawn(moment_of(attempt(1, 10, 12, 13), told=STARTED)) == [(WORKER, 2), (RUNNING, 1)]


def test_between_attempts_is_the_pause_that_the_policy_asks_for() -> None:
    tries = [attempt(1, 3, 3, 5, outcome="error"), attempt(2, 9, 10, 12, cause="retry")]
    assert drawn(moment_of(*tries, told=[])) == [(RUNNING, 2), (PAUSE, 4), (WORKER, 1), (RUNNING, 2)]


def test_the_time_until_somebody_retried_is_no_pause() -> None:
    tries = [attempt(1, 3, 3, 5, outcome="error"), attempt(2, 60, 60, 61, cause="button")]
    assert drawn(moment_of(*tries, told=[])) == [(RUNNING, 2), (RUNNING, 1)]


def test_a_run_that_queued_again_waits_for_a_slot_before_its_step_goes_on() -> None:
    told = [*STARTED, ("run.waiting", 5), ("run.resumed", 20), ("run.started", 26)]
    tries = [attempt(1, 3, 3, 5, outcome="error"), attempt(2, 20, 27, 28, cause="retry")]
    assert drawn(moment_of(*tries, told=told))[2:] == [(PAUSE, 15), (SLOT, 6), (WORKER, 1), (RUNNING, 1)]


def test_a_suspended_attempt_ran_and_then_waited() -> None:
    told = [*STARTED, ("step.suspended", 6)]
    assert drawn(moment_of(attempt(1, 4, 5, 50), told=told)) == [(WORKER, 1), (RUNNING, 1), (WAITING, 44)]


def test_what_runs_reaches_now() -> None:
    running = Step(key="a", status="running", position=0)
    moment = moment_of(attempt(1, 4, 5, None), step=running, told=STARTED, now=30)
    assert drawn(moment) == [(WORKER, 1), (RUNNING, 25)]
    assert waterfall(moment).rows[0].bars[-1].status == "running"


def test_a_backoff_reaches_now() -> None:
    step = Step(key="a", status="backoff", position=0)
    moment = moment_of(attempt(1, 4, 4, 5, outcome="error"), step=step, told=STARTED, now=8)
    assert drawn(moment) == [(RUNNING, 1), (PAUSE, 3)]


def test_a_parked_step_waits_for_a_person_behind_its_lost_attempt() -> None:
    step = Step(key="a", status="waiting", position=0, wait_kind="lost")
    moment = moment_of(attempt(1, 4, 4, 5, outcome="lost"), step=step, told=STARTED, now=65)
    assert drawn(moment) == [(RUNNING, 1), (WAITING, 60)]


def test_a_queued_step_of_a_queued_run_waits_for_the_slot() -> None:
    step = Step(key="a", status="queued", position=0, queued_at=at(20))
    told = [*STARTED, ("run.resumed", 20)]
    assert drawn(moment_of(attempt(1, 4, 4, 5), step=step, told=told, now=32))[-1] == (SLOT, 12)


def test_nothing_has_run_before_the_first_attempt() -> None:
    step = Step(key="a", status="pending", position=0)
    shown = waterfall(moment_of(step=step, told=[("run.queued", 0)]))
    assert (shown.rows, shown.not_begun) == ((), 1)


def test_a_long_wait_is_folded_until_it_is_opened() -> None:
    told = [*STARTED, ("step.suspended", 6)]
    moment = moment_of(attempt(1, 3, 3, 3600), told=told)
    assert [idle.seconds for idle in waterfall(moment).idle] == [3594]
    assert waterfall(moment, is_idle_open=True).idle == []
    assert waterfall(moment, is_idle_open=True).has_idle


def test_rows_are_bounded_and_those_left_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "ROWS_MAX", 2)
    steps = [Step(key=key, status="success", position=place) for place, key in enumerate("abc")]
    moment = RunSnapshot(Run(), steps, {key: [attempt(1, 0, 0, 1)] for key in "abc"}, [], at(9), None)
    shown = waterfall(moment)
    assert (len(shown.rows), shown.left_out) == (2, 1)
