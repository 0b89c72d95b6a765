"""The bar at the foot of the board: what it offers, what it starts, and what it refuses."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from runs.bulk.plan import LANE
from runs.execution.worker_loop import run_worker_loop
from runs.models import Run
from tests.factories import make_run

pytestmark = pytest.mark.django_db


def post(client: Client, **wanted: Any) -> Any:
    return client.post("/bulk", wanted, headers={"HX-Request": "true"})


def started() -> Run:
    return Run.objects.get(lane__name=LANE)


def toast(answer: Any) -> dict[str, str]:
    return dict(json.loads(answer.headers["X-Toast"]))


def test_ticked_runs_become_one_run_of_work(operator: Client) -> None:
    runs = [make_run(status="error") for _ in range(2)]
    answer = post(operator, action="retry", run=[str(run.pk) for run in runs])
    bulk = started()
    assert (answer.status_code, bulk.title, bulk.trigger) == (200, "Retry 2 runs", "board")
    assert bulk.params["runs"] == [str(run.pk) for run in runs]
    assert toast(answer)["href"] == f"/runs/{bulk.pk}"


def test_all_that_match_are_counted_as_of_now(operator: Client) -> None:
    for status in ("error", "error", "success"):
        make_run(status=status)
    page = operator.get("/bulk/all?status=error").content.decode()
    assert "All 2 that match" in page
    assert 'name="query" value="status=error"' in page


def test_the_button_says_how_many_match(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for status in ("error", "error", "success"):
        make_run(status=status)
    assert operator.get("/bulk/count?status=error").content == b"Select all 2 that match"
    monkeypatch.setattr("runs.bulk.selection.RUNS_MAX", 1)
    monkeypatch.setattr("controlroom.web.pages.bulk.RUNS_MAX", 1)
    assert operator.get("/bulk/count?status=error").content == b"Select all 1+ that match"


def test_all_that_matched_become_one_run_of_work(operator: Client) -> None:
    make_run(status="error")
    answer = post(operator, action="archive", query="status=error", asked_at="2099-01-01T00:00:00Z", shown="1")
    bulk = started()
    assert (answer.status_code, bulk.title) == (200, "Archive 1 failed run")
    assert (bulk.params["query"], bulk.params["shown"], bulk.params["runs"]) == ("status=error", 1, [])
    assert bulk.params["asked_at"] < "2099"


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        pytest.param({"action": "retry"}, "select at least one", id="nothing"),
        pytest.param({"action": "explode", "run": str(uuid.uuid4())}, "unknown action", id="an unknown action"),
        pytest.param({"action": "retry", "run": "17"}, "is not a run id", id="what is no id"),
        pytest.param({"action": "retry", "run": [str(uuid.uuid4()) for _ in range(1001)]}, "at most 1,000", id="many"),
        pytest.param(
            {"action": "retry", "query": "status=foo", "asked_at": "2026-01-01T00:00:00Z"}, "foo", id="filter"
        ),
        pytest.param({"action": "retry", "query": "", "asked_at": "soon"}, "is not a time", id="a moment that is none"),
        pytest.param({"action": "retry", "query": "", "asked_at": "2026-01-01"}, "is not a time", id="a day"),
        pytest.param(
            {"action": "retry", "query": "q=zzz", "asked_at": "2099-01-01T00:00:00Z"}, "no runs", id="no match"
        ),
    ],
)
def test_what_means_nothing_is_refused_with_its_reason(operator: Client, wanted: dict[str, Any], why: str) -> None:
    answer = post(operator, **wanted)
    assert answer.status_code == 422
    assert why in toast(answer)["text"]
    assert not Run.objects.exists()


def test_more_than_may_go_in_one_is_said_and_refused(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.bulk.selection.RUNS_MAX", 1)
    for _ in range(2):
        make_run(status="error")
    before = Run.objects.count()
    answer = post(operator, action="retry", query="status=error", asked_at="2099-01-01T00:00:00Z")
    assert (answer.status_code, Run.objects.count()) == (422, before)
    assert "narrow the filters" in toast(answer)["text"]


def test_filters_that_mean_nothing_select_nothing(operator: Client) -> None:
    for path in ("/bulk/all", "/bulk/count"):
        assert operator.get(f"{path}?status=foo").status_code == 422


def test_a_viewer_does_nothing_to_many(viewer: Client) -> None:
    run = make_run(status="error")
    assert post(viewer, action="retry", run=str(run.pk)).status_code == 403
    assert viewer.get("/bulk/all").status_code == viewer.get("/bulk/count").status_code == 403
    assert Run.objects.count() == 1


def test_it_is_asked_by_post_alone(operator: Client) -> None:
    assert operator.get("/bulk").status_code == 405


def test_the_lane_of_bulk_work_is_made_when_it_is_first_needed(operator: Client) -> None:
    from runs.models import Lane

    assert not Lane.objects.filter(name=LANE).exists()
    post(operator, action="retry", run=str(make_run(status="error").pk))
    assert Lane.objects.get(name=LANE).limit == 2


def test_an_ancient_moment_means_no_run(operator: Client) -> None:
    make_run(status="error")
    answer = post(operator, action="archive", asked_at="0001-01-01T00:00:00Z", query="within=30d")
    assert (answer.status_code, toast(answer)["text"]) == (422, "no runs match any more")


def test_a_moment_beyond_all_dates_is_refused(operator: Client) -> None:
    answer = post(operator, action="archive", asked_at="0001-01-01T00:00:00+05:00", query="")
    assert (answer.status_code, "is not a time" in toast(answer)["text"]) == (422, True)


def archived_by_bulk_work(operator: Client, *, title: str = "") -> tuple[Run, Run]:
    """A run, and the work that archived it."""
    run = make_run(status="success", title=title)
    post(operator, action="archive", run=str(run.pk))
    run_worker_loop()
    return run, Run.objects.get(title="Archive 1 run")


@pytest.mark.django_db(transaction=True)
def test_its_end_is_told_with_an_undo(operator: Client) -> None:
    run = make_run(status="success")
    asked = post(operator, action="archive", run=str(run.pk))
    bulk = started()
    assert f'hx-get="/bulk/{bulk.pk}/end"' in asked.content.decode()
    assert operator.get(f"/bulk/{bulk.pk}/end").status_code == 204

    run_worker_loop()

    answer = operator.get(f"/bulk/{bulk.pk}/end")
    assert (answer.status_code, answer.content) == (200, b"")
    told = {"text": "Archive 1 run: 1 of 1 done", "undo": f"/bulk/{bulk.pk}/undo", "href": f"/runs/{bulk.pk}"}
    assert toast(answer).items() >= told.items()


@pytest.mark.django_db(transaction=True)
def test_work_that_changed_nothing_offers_no_undo(operator: Client) -> None:
    run = make_run(status="success")
    post(operator, action="unarchive", run=str(run.pk))
    run_worker_loop()
    assert toast(operator.get(f"/bulk/{started().pk}/end"))["undo"] == ""


@pytest.mark.django_db(transaction=True)
def test_its_page_offers_the_undo_until_it_is_pressed(operator: Client, viewer: Client) -> None:
    run, bulk = archived_by_bulk_work(operator)
    button = f'hx-post="/bulk/{bulk.pk}/undo"'
    assert button in operator.get(f"/runs/{bulk.pk}").content.decode()

    htmx = {"HX-Request": "true", "HX-Target": "run-head"}
    answer = operator.post(f"/bulk/{bulk.pk}/undo", headers=htmx)

    assert answer.content.decode().startswith("<header") and button not in answer.content.decode()
    assert toast(answer)["text"] == "Undo: Archive 1 run: running"
    run_worker_loop()
    run.refresh_from_db()
    assert run.archived_at is None
    again = post_undo(operator, bulk)
    assert (again.status_code, toast(again)["text"]) == (409, "already undone")


def post_undo(client: Client, bulk: Run) -> Any:
    return client.post(f"/bulk/{bulk.pk}/undo", headers={"HX-Request": "true"})


@pytest.mark.django_db(transaction=True)
def test_a_viewer_undoes_nothing(operator: Client, viewer: Client, stranger: Client) -> None:
    _, bulk = archived_by_bulk_work(operator)
    assert post_undo(viewer, bulk).status_code == 403
    assert post_undo(stranger, bulk).status_code == 404
    assert viewer.get(f"/bulk/{bulk.pk}/end").status_code == 403
    assert operator.get(f"/bulk/{bulk.pk}/undo").status_code == 405
    assert not bulk.children.exists()


def test_work_that_was_deleted_meanwhile_says_so(operator: Client) -> None:
    answer = operator.post(f"/bulk/{uuid.uuid4()}/undo", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert "was deleted" in toast(answer)["text"]
    assert operator.get(f"/bulk/{uuid.uuid4()}/end").content == b""
