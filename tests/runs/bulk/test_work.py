"""Bulk work as a worker does it: each run by its normal move, refusals told, and twice is no more than once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from pulser.catalogue import save_plan
from pulser.tools.interruption import StopCheck
from runs.accounts.actors import Actor
from runs.bulk import work as module
from runs.bulk.plan import ensure_plan
from runs.bulk.selection import select_matching, start_for_all, start_for_ticked
from runs.bulk.work import SELECTED
from runs.commands import cancel, retry
from runs.execution.worker_loop import run_worker_loop
from runs.execution.workspace import workspace_of
from runs.models import Artifact, Event, Run
from tests.factories import make_actor, make_lane, make_run, make_session, start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import WAIT_S, assert_log_folds_to_rows, attempts_of, event, kinds, run_plan, statuses, step_of

pytestmark = pytest.mark.django_db(transaction=True)

OLIVIA = make_actor("operator", name="olivia")


@pytest.fixture(autouse=True)
def places(db: None) -> None:
    make_lane("A"), make_session()


def make_failed(number: int = 1, **fields: Any) -> list[Run]:
    return [run_plan(plan(shell("no", "exit 3", retry=ONCE)), title=f"failed {n}", **fields) for n in range(number)]


def pause_lane_a() -> None:
    """What is queued stays queued, so that only the bulk run is worked on."""
    make_lane("A", paused=True)


def for_all(action: str, query: str, *, actor: Actor = OLIVIA) -> Run:
    return start_for_all(actor, action, all_of_them=select_matching(actor, QueryDict(query)), shown=0)


def result_of(bulk: Run) -> dict[str, Any]:
    run_worker_loop()
    bulk.refresh_from_db()
    assert bulk.status == "success", (bulk.reason, statuses(bulk))
    return dict(step_of(bulk, "work").outputs["result"])


def test_all_failed_runs_that_match_run_again() -> None:
    failed, other = make_failed(3), run_plan(plan(shell("yes", "true")))
    pause_lane_a()

    result = result_of(for_all("retry", "status=error"))

    assert (result["done"], result["skipped_in_all"]) == (3, 0)
    assert {run.status for run in Run.objects.filter(pk__in=[run.pk for run in failed])} == {"queued"}
    assert kinds(other)[-1] == "run.succeeded"


def test_the_runs_log_names_who_asked() -> None:
    (failed,) = make_failed()
    pause_lane_a()
    result_of(for_all("retry", "status=error"))
    assert event(failed, "run.retried").data["by"] == "olivia"


def test_what_cannot_be_done_is_told_with_its_reason() -> None:
    (failed,) = make_failed()
    done = make_run(status="success", title="done | *before*")
    pause_lane_a()

    bulk = start_for_ticked(OLIVIA, "retry", runs=[str(failed.pk), str(done.pk)])
    result = result_of(bulk)

    assert (result["done"], result["summary"]) == (1, "1 of 2 done, 1 skipped")
    assert result["skipped"] == [{"run": str(done.pk), "title": done.title, "why": next(iter(result["reasons"]))}]
    assert "only cancelled or failed runs can be retried" in result["skipped"][0]["why"]
    report = Artifact.objects.get(run=bulk).content.read().decode()
    assert rf"[done \| \*before\*](/runs/{done.pk})" in report


def test_a_run_that_was_deleted_meanwhile_is_skipped() -> None:
    run = make_run(status="success")
    bulk = start_for_ticked(OLIVIA, "archive", runs=[str(run.pk)])
    run.delete()
    assert result_of(bulk)["reasons"] == {"run not found": 1}


@pytest.mark.parametrize("action", ["archive", "unarchive"])
def test_what_is_so_already_is_no_refusal(action: str) -> None:
    run = make_run(status="success", archived_at=timezone.now() if action == "archive" else None)
    result = result_of(start_for_ticked(OLIVIA, action, runs=[str(run.pk)]))
    assert (result["done"], result["already"], result["skipped_in_all"]) == (0, 1, 0)


def test_archived_runs_come_back() -> None:
    run = make_run(status="success", archived_at=timezone.now())
    result_of(for_all("unarchive", "archived=1"))
    run.refresh_from_db()
    assert run.archived_at is None


def test_a_run_that_is_being_cancelled_keeps_its_finally_steps() -> None:
    tidy = shell("tidy", "true")
    run = start(plan(shell("stay", "sleep 60"), finals=(tidy,)))
    Run.objects.filter(pk=run.pk).update(status="waiting", started_at=run.created_at)  # it goes on later
    cancel(str(run.pk), actor=OLIVIA)
    Run.objects.filter(pk=run.pk).update(status="waiting", finished_at=None)
    pause_lane_a()

    result = result_of(start_for_ticked(OLIVIA, "cancel", runs=[str(run.pk)]))

    run.refresh_from_db()
    assert (result["already"], run.cancel_count) == (1, 1)


def test_runs_that_came_after_the_asking_are_not_meant() -> None:
    (first,) = make_failed()
    asked = select_matching(OLIVIA, QueryDict("status=error"))
    (later,) = make_failed()
    pause_lane_a()

    result_of(start_for_all(OLIVIA, "retry", all_of_them=asked, shown=1))

    assert [run.status for run in Run.objects.filter(pk__in=[first.pk, later.pk]).order_by("created_at")] == [
        "queued",
        "error",
    ]


def test_a_time_range_means_what_it_meant_when_it_was_asked() -> None:
    make_failed()
    asked = select_matching(OLIVIA, QueryDict("status=error&within=1h"))
    assert (asked.number, asked.filters.within) == (1, "")
    assert asked.filters.since is not None


def test_work_that_was_interrupted_goes_on_with_the_same_runs() -> None:
    failed = make_failed(3)
    pause_lane_a()
    bulk = for_all("retry", "status=error")
    ids = [str(run.pk) for run in failed]
    _begun_before(bulk, ids)
    for run_id in ids[:2]:  # done by the attempt that was lost; one of them has failed again since
        retry(run_id, actor=OLIVIA)
    Run.objects.filter(pk=ids[0]).update(status="error", finished_at=bulk.created_at)

    result = result_of(bulk)

    assert (result["done"], result["skipped_in_all"]) == (3, 0)
    assert Event.objects.filter(run__in=ids, kind="run.retried").count() == 3


def _begun_before(bulk: Run, ids: list[str]) -> None:
    """As if an attempt had settled what is meant, and its worker had been killed then."""
    folder = workspace_of(str(bulk.pk))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SELECTED).write_text(json.dumps(ids))
    bulk.steps.update(attempt=1)


def test_progress_is_kept_and_told() -> None:
    make_failed(2)
    pause_lane_a()
    bulk = for_all("archive", "status=error")
    result_of(bulk)

    step = step_of(bulk, "work")
    assert (step.progress_done, step.progress_total) == (2, 2)
    assert event(bulk, "step.progressed", step="work").data == {"done": 2, "total": 2}
    assert_log_folds_to_rows(bulk)


def test_it_is_cancelled_in_the_middle(monkeypatch: pytest.MonkeyPatch, quick_looks: None) -> None:
    runs = [make_run(status="success") for _ in range(3)]
    bulk = start_for_ticked(OLIVIA, "archive", runs=[str(run.pk) for run in runs])
    act = module._do_one

    class Patient(StopCheck):
        """Looks up once the heartbeat has told."""

        def check(self) -> None:
            if Run.objects.get(pk=bulk.pk).stop:
                assert self._cancelled.wait(WAIT_S)
            super().check()

    def then_cancel(*args: Any, **wanted: Any) -> None:
        act(*args, **wanted)
        cancel(str(bulk.pk), actor=OLIVIA)

    monkeypatch.setattr(module, "StopCheck", Patient)
    monkeypatch.setattr(module, "_do_one", then_cancel)
    run_worker_loop()

    bulk.refresh_from_db()
    assert bulk.status == "cancelled"
    assert Run.objects.filter(archived_at__isnull=False).count() == 1
    assert attempts_of(bulk, "work")[-1].outcome == "cancelled"


def test_a_plan_of_somebody_else_under_the_slug_is_not_used() -> None:
    save_plan("pulser: 1\nslug: bulk\nsteps: [{id: x, uses: shell, with: {run: 'exit 1'}}]")
    make_run(status="success")
    assert result_of(for_all("archive", "status=success"))["done"] == 1


def test_many_are_done_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.bulk.work.BATCH", 2)
    monkeypatch.setattr("runs.bulk.work.SKIPPED_KEPT", 1)
    runs = [make_run(status="success") for _ in range(3)] + [make_run(status="running") for _ in range(2)]
    result = result_of(start_for_ticked(OLIVIA, "archive", runs=[str(run.pk) for run in runs]))
    assert (result["done"], len(result["skipped"]), result["skipped_in_all"]) == (3, 1, 2)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        pytest.param({"query": "status=foo", "asked_at": "2026-01-01T00:00:00Z"}, "“foo” not found", id="a filter"),
        pytest.param({"query": "", "asked_at": "2026-13-45T00:00:00Z"}, "is not a time", id="a moment"),
        pytest.param({"query": "", "asked_at": "2026-01-01T00:00:00"}, "is not a time", id="a moment without zone"),
        pytest.param({"runs": ["17"]}, "an invalid run id", id="an id"),
    ],
)
def test_a_request_by_hand_that_means_nothing_fails_at_once(params: dict[str, Any], why: str) -> None:
    bulk = start(version=ensure_plan(), params={"action": "archive", **params})
    run_worker_loop()
    step = step_of(bulk, "work")
    assert (step.status, step.attempt) == ("error", 1)
    assert why in step.reason
