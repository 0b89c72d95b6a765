from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from runs.models import Lane, SavedView, Session
from tests.factories import make_lane, make_run, make_session, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("admin"))
    return client


def test_a_lane_is_paused_in_the_list(admin: Client) -> None:
    Lane.objects.exclude(name="A").delete()
    lane = make_lane("A")
    row = {"form-0-id": lane.pk, "form-0-position": 0, "form-0-limit": 3, "form-0-paused": "on"}
    frame = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "_save": "Save"}

    admin.post("/admin/runs/lane/", {**row, **frame, "form-0-paused_reason": "maintenance"})

    lane.refresh_from_db()
    assert (lane.limit, lane.paused, lane.paused_reason) == (3, True, "maintenance")
    assert lane.paused_by.startswith("admin")
    assert lane.paused_at is not None


def test_the_list_of_lanes_shows_their_load(admin: Client) -> None:
    make_run(status="running", lane="A")

    page = admin.get("/admin/runs/lane/").content.decode()

    assert '<td class="field-used">1</td>' in page


def test_a_lane_without_a_slot_is_refused(admin: Client) -> None:
    lane = make_lane("A")

    admin.post(reverse("admin:runs_lane_change", args=[lane.pk]), {"position": 0, "limit": 0})

    lane.refresh_from_db()
    assert lane.limit == 10


@pytest.mark.parametrize(("model", "name"), [("lane", "A"), ("session", "default")])
def test_the_default_ones_keep_their_name(admin: Client, model: str, name: str) -> None:
    kept = make_lane(name) if model == "lane" else make_session(name)

    admin.post(reverse(f"admin:runs_{model}_change", args=[kept.pk]), {"name": "other", "limit": 5, "position": 1})

    kept.refresh_from_db()
    assert kept.name == name


def test_the_default_lane_cannot_be_deleted(admin: Client) -> None:
    assert admin.post(reverse("admin:runs_lane_delete", args=[make_lane("A").pk])).status_code == 403


def test_a_lane_with_runs_cannot_be_deleted(admin: Client) -> None:
    run = make_run(lane="Z")

    admin.post(reverse("admin:runs_lane_delete", args=[run.lane.pk]), {"post": "yes"})

    assert Lane.objects.filter(name="Z").exists()


def test_sessions_are_archived_and_taken_into_use_again(admin: Client) -> None:
    session = make_session("night shift")

    admin.post("/admin/runs/session/", {"action": "archive", "_selected_action": [session.pk]})
    assert Session.objects.archived().get() == session

    admin.post("/admin/runs/session/", {"action": "unarchive", "_selected_action": [session.pk]})
    assert not Session.objects.archived().exists()


def test_the_default_session_is_not_archived(admin: Client) -> None:
    session = make_session("default")

    admin.post("/admin/runs/session/", {"action": "archive", "_selected_action": [session.pk]})

    assert not Session.objects.archived().exists()


def test_a_shared_view_is_taken_back(admin: Client) -> None:
    view = SavedView.objects.create(owner=make_user(), name="Broken", query="status=error", is_shared=True)
    assert "Broken" in admin.get("/admin/runs/savedview/").content.decode()

    admin.post(reverse("admin:runs_savedview_change", args=[view.pk]), {"name": "Broken"})

    view.refresh_from_db()
    assert (view.is_shared, view.query) == (False, "status=error")
