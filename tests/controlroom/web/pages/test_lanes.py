from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from runs.models import Lane
from tests.factories import make_lane, make_run

pytestmark = pytest.mark.django_db


def test_a_lane_is_paused_with_its_reason_and_by_whom(operator: Client) -> None:
    lane = make_lane("A")
    answer = operator.post(f"/lanes/{lane.pk}/pause", {"reason": " database\0 maintenance "})
    lane.refresh_from_db()
    assert (answer.status_code, lane.paused, lane.paused_reason) == (200, True, "database maintenance")
    assert lane.paused_by.startswith("operator")
    assert lane.paused_at is not None
    assert answer.headers["HX-Trigger"] == "board-changed"


def test_a_lane_that_goes_on_forgets_the_reason_and_wakes_workers(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr("runs.execution.dispatch.wake", lambda run_id, **_options: woken.append(run_id))
    lane = make_lane("A", paused=True, paused_reason="maintenance", paused_by="olivia")
    run = make_run(lane=lane)

    operator.post(f"/lanes/{lane.pk}/resume")

    lane.refresh_from_db()
    assert (lane.paused, lane.paused_reason, lane.paused_by, lane.paused_at) == (False, "", "", None)
    assert woken == [str(run.pk)]


def test_the_dialog_asks_for_the_reason(operator: Client) -> None:
    lane = make_lane("A", paused_reason="<b>old</b>")
    page = operator.get(f"/lanes/{lane.pk}/pausing").content.decode()
    assert "Pause lane A" in page
    assert "&lt;b&gt;old&lt;/b&gt;" in page


def test_a_reason_of_any_length_fits(operator: Client) -> None:
    lane = make_lane("A")
    operator.post(f"/lanes/{lane.pk}/pause", {"reason": "x" * 5000})
    assert len(Lane.objects.get(pk=lane.pk).paused_reason) == 500


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_viewer_neither_pauses_nor_resumes(viewer: Client, verb: str) -> None:
    lane = make_lane("A", paused=verb == "resume")
    answer = viewer.post(f"/lanes/{lane.pk}/{verb}")
    assert answer.status_code == 403
    assert json.loads(answer.headers["X-Toast"])["tone"] == "refused"
    assert Lane.objects.get(pk=lane.pk).paused == (verb == "resume")


def test_a_viewer_is_not_asked_for_a_reason(viewer: Client) -> None:
    assert viewer.get(f"/lanes/{make_lane('A').pk}/pausing").status_code == 403


@pytest.mark.parametrize("pk", [0, 10**30])
def test_a_lane_that_is_not_there_answers_404(operator: Client, pk: Any) -> None:
    assert operator.post(f"/lanes/{pk}/pause").status_code == 404
