"""What a step says about how far it is: seldom, fenced, and without harm."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import OperationalError

from pulser.kernel import progress as module
from pulser.kernel.progress import Progress
from runs.commands import retry
from runs.execution import reporter
from runs.execution.sweep import sweep
from runs.models import Event, Run, Step
from runs.transitions import set_progress
from runs.transitions.claim import Claim
from tests.factories import make_actor, make_lane, make_session, start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.execution.reporters import reporter_of
from tests.runs.helpers import (
    BOB,
    assert_log_folds_to_rows,
    claimed,
    let_leases_run_out,
    run_plan,
    step_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def claim() -> Claim:
    make_lane("A"), make_session()
    return claimed(start(plan(shell("only", "true"))))


def progress_of(claim: Claim) -> Progress:
    return Progress(reporter_of(claim), name="the step")


def told(claim: Claim) -> list[dict[str, int]]:
    return list(
        Event.objects.filter(run=claim.run_id, kind="step.progressed").in_order().values_list("data", flat=True)
    )


def at(claim: Claim) -> tuple[int | None, int | None]:
    return Step.objects.values_list("progress_done", "progress_total").get(pk=claim.step_id)


def test_progress_is_an_event_and_stands_on_the_step(claim: Claim) -> None:
    assert set_progress(claim, done=3, total=10)
    assert (at(claim), told(claim)) == ((3, 10), [{"done": 3, "total": 10}])


def test_it_is_told_at_most_once_a_second_and_at_the_end(claim: Claim) -> None:
    report = progress_of(claim)
    for done in range(1, 101):
        report(done, 100)
    report.flush()
    report.flush()
    assert told(claim) == [{"done": 1, "total": 100}, {"done": 100, "total": 100}]


def test_long_work_tells_less_often(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))  # seconds: one goes by with each look
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    report = progress_of(claim)
    for done in range(3_600):
        report(done, 3_600)
    assert 100 < len(told(claim)) < 400


def test_a_worker_that_lost_its_lease_tells_nothing(claim: Claim) -> None:
    run = Run.objects.get(pk=claim.run_id)
    let_leases_run_out(run)
    sweep()
    claimed(run, BOB)
    assert not set_progress(claim, done=3, total=10)
    assert (at(claim), told(claim)) == ((None, None), [])


def test_a_retry_begins_without_progress() -> None:
    make_lane("A"), make_session()
    run = run_plan(plan(shell("no", "exit 1", retry=ONCE)))
    run.steps.update(progress_done=5, progress_total=9)
    retry(str(run.pk), actor=make_actor())
    assert (step_of(run, "no").progress_done, step_of(run, "no").progress_total) == (None, None)
    assert_log_folds_to_rows(run)


def test_a_database_that_is_away_disturbs_no_work(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(reporter, "set_progress", away)
        progress_of(claim)(1, 2)
    assert told(claim) == []


@pytest.mark.parametrize(("done", "total"), [(-1, -1), (2**80, 2**80)])
def test_strange_numbers_are_bounded(claim: Claim, done: int, total: int) -> None:
    progress_of(claim)(done, total)
    assert at(claim)[0] in (0, 2**63 - 1)
