"""Taking bulk work back: exactly what it moved, once, and never what somebody moved since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from runs.bulk.plan import ensure_undo_plan
from runs.bulk.selection import select_matching, start_for_all, start_for_ticked
from runs.bulk.undo import can_undo, start_undo
from runs.bulk.work import MISSING
from runs.commands import archive, cancel, unarchive
from runs.errors import Forbidden, InvalidValue, MoveRefused
from runs.execution.worker_loop import run_worker_loop
from runs.models import Event, Run
from tests.factories import make_actor, make_lane, make_run, make_session, start
from tests.runs.helpers import assert_log_folds_to_rows, event, step_of

pytestmark = pytest.mark.django_db(transaction=True)

OLIVIA, OSCAR = make_actor("operator", name="olivia"), make_actor("operator", name="oscar")


@pytest.fixture(autouse=True)
def places(db: None) -> None:
    make_lane("A"), make_session()


def make_done(number: int, **fields: Any) -> list[Run]:
    return [make_run(status="success", **fields) for _ in range(number)]


def worked(bulk: Run) -> Run:
    run_worker_loop()
    return Run.objects.with_context().get(pk=bulk.pk)


def for_ticked(action: str, runs: Sequence[Run]) -> Run:
    return worked(start_for_ticked(OLIVIA, action, runs=[str(run.pk) for run in runs]))


def for_all(action: str, query: str) -> Run:
    return worked(start_for_all(OLIVIA, action, all_of_them=select_matching(OLIVIA, QueryDict(query)), shown=0))


def result_of(bulk: Run) -> dict[str, Any]:
    assert bulk.status == "success", bulk.reason
    return dict(step_of(bulk, "work").outputs["result"])


def archived(runs: Sequence[Run]) -> list[bool]:
    there = Run.objects.in_bulk([run.pk for run in runs])
    return [there[run.pk].archived_at is not None for run in runs]


@pytest.mark.parametrize("query", ["", "status=success", "status=success&q=nightly&within=24h"])
def test_what_was_archived_comes_back_and_what_was_archived_before_does_not(query: str) -> None:
    mine, before = make_done(2, title="nightly"), make_done(1, title="nightly", archived_at=timezone.now())
    bulk = for_all("archive", f"{query}&archived=1") if query else for_ticked("archive", [*mine, *before])

    undo = worked(start_undo(OSCAR, bulk))

    assert (result_of(undo)["done"], result_of(undo)["summary"]) == (2, "2 of 2 done")
    assert archived([*mine, *before]) == [False, False, True]
    assert event(mine[0], "run.unarchived").data == {"by": "oscar", "bulk": str(undo.pk)}
    assert_log_folds_to_rows(undo)


@pytest.mark.parametrize("query", ["", "archived=1&status=success"])
def test_what_was_restored_is_archived_again(query: str) -> None:
    mine, there = make_done(2, archived_at=timezone.now()), make_done(1)
    bulk = for_all("unarchive", query) if query else for_ticked("unarchive", [*mine, *there])
    assert archived([*mine, *there]) == [False, False, False]
    worked(start_undo(OLIVIA, bulk))
    assert archived([*mine, *there]) == [True, True, False]


def test_what_undoes_an_undo_does_the_first_thing_again() -> None:
    runs = make_done(2)
    undo = worked(start_undo(OLIVIA, for_ticked("archive", runs)))
    redo = worked(start_undo(OLIVIA, undo))
    assert (undo.title, redo.title) == ("Undo: Archive 2 runs", "Redo: Archive 2 runs")
    assert archived(runs) == [True, True]
    worked(start_undo(OLIVIA, redo))
    assert archived(runs) == [False, False]


def test_what_somebody_moved_since_stays_as_it_is() -> None:
    still, by_hand, back = make_done(3)
    bulk = for_ticked("archive", [still, by_hand, back])
    for run in (by_hand, back):
        unarchive(str(run.pk), actor=OSCAR)
    archive(str(by_hand.pk), actor=OSCAR)

    undo = worked(start_undo(OLIVIA, bulk))

    assert archived([still, by_hand, back]) == [False, True, False]
    assert (result_of(undo)["summary"], result_of(undo)["reasons"]) == ("1 of 3 done, 2 skipped", {MISSING: 2})


def test_a_run_that_was_deleted_since_is_told_as_skipped() -> None:
    kept, gone = make_done(2)
    bulk = for_ticked("archive", [kept, gone])
    Event.objects.filter(run=gone).delete()
    gone.delete()
    undo = worked(start_undo(OLIVIA, bulk))
    assert result_of(undo)["reasons"] == {MISSING: 1}
    assert archived([kept]) == [False]


def test_work_that_was_cancelled_is_undone_as_far_as_it_came() -> None:
    runs = make_done(3)
    bulk = start_for_ticked(OLIVIA, "archive", runs=[str(run.pk) for run in runs])
    archive(str(runs[0].pk), actor=OLIVIA, bulk=str(bulk.pk))
    cancel(str(bulk.pk), actor=OLIVIA)
    bulk = Run.objects.with_context().get(pk=bulk.pk)
    assert bulk.status == "cancelled"

    undo = worked(start_undo(OLIVIA, bulk))

    assert (result_of(undo)["summary"], archived(runs)) == ("1 of 1 done", [False, False, False])


def test_it_is_undone_once() -> None:
    bulk = for_ticked("archive", make_done(1))
    undo = start_undo(OLIVIA, bulk)
    with pytest.raises(MoveRefused, match="the undo is already running"):
        start_undo(OSCAR, bulk)
    worked(undo)
    with pytest.raises(MoveRefused, match="already undone"):
        start_undo(OSCAR, bulk)


def test_of_two_who_press_at_once_one_is_told_that_the_other_did(monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = for_ticked("archive", make_done(1))
    monkeypatch.setattr("runs.bulk.undo._tries", lambda bulk: 0)  # as if neither saw the other's
    start_undo(OLIVIA, bulk)
    with pytest.raises(MoveRefused, match="the undo is already running"):
        start_undo(OSCAR, bulk)
    assert bulk.children.count() == 1


def test_an_undo_that_was_cancelled_may_be_tried_again() -> None:
    runs = make_done(1)
    bulk = for_ticked("archive", runs)
    undo = start_undo(OLIVIA, bulk)
    cancel(str(undo.pk), actor=OLIVIA)
    assert can_undo(bulk, bulk.children.select_related("plan_version__plan"))
    worked(start_undo(OLIVIA, bulk))
    assert archived(runs) == [False]
    assert not can_undo(bulk, bulk.children.select_related("plan_version__plan"))


def test_what_cannot_be_undone_is_refused_with_its_reason() -> None:
    runs = make_done(1)
    retried = for_ticked("retry", runs)
    nothing = for_ticked("unarchive", runs)
    open_work = Run.objects.with_context().get(
        pk=start_for_ticked(OLIVIA, "archive", runs=[str(run.pk) for run in runs]).pk
    )
    with pytest.raises(InvalidValue, match="only bulk work that archived or unarchived"):
        start_undo(OLIVIA, retried)
    with pytest.raises(InvalidValue, match="only bulk work"):
        start_undo(OLIVIA, runs[0])
    with pytest.raises(MoveRefused, match="it changed no runs"):
        start_undo(OLIVIA, nothing)
    with pytest.raises(MoveRefused, match="still active"):
        start_undo(OLIVIA, open_work)


def test_who_may_only_look_undoes_nothing() -> None:
    with pytest.raises(Forbidden):
        start_undo(make_actor("viewer"), for_ticked("archive", make_done(1)))


@pytest.mark.parametrize("bulk", ["17", "01234567-89ab-7def-8123-456789abcdef"])
def test_an_undo_of_what_is_not_there_fails_at_once(bulk: str) -> None:
    undo = start(version=ensure_undo_plan(), params={"action": "archive", "bulk": bulk})
    run_worker_loop()
    step = step_of(undo, "work")
    assert (step.status, step.attempt) == ("error", 1)
    assert "was deleted" in step.reason
