from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import make_lane, make_plan, make_run, make_session

pytestmark = pytest.mark.django_db


def found(client: Client, text: str) -> str:
    return client.get("/palette", {"q": text}).content.decode()


def test_a_run_is_found_by_a_part_of_its_title(viewer: Client) -> None:
    run = make_run(title="Nightly backup")
    make_run(title="Something else")
    html = found(viewer, "BACK")
    assert f'data-href="/runs/{run.pk}"' in html
    assert "Something else" not in html


def test_a_run_is_found_by_its_id(viewer: Client) -> None:
    run = make_run()
    assert f'data-href="/runs/{run.pk}"' in found(viewer, str(run.pk))


def test_a_plan_is_found_by_its_slug_and_started_by_operators(viewer: Client, operator: Client) -> None:
    make_plan(slug="release")
    assert ">Start<" in found(operator, "relea")
    assert ">Start<" not in found(viewer, "relea")


def test_a_plan_is_found_by_what_one_wants_with_it(operator: Client) -> None:
    make_plan(slug="release")
    assert ">Start<" in found(operator, "start relea")


def test_to_start_is_enough_to_be_shown_plans(operator: Client) -> None:
    make_plan(slug="release")
    assert ">Start<" in found(operator, "start")
    assert 'data-href="/plans/release/"' in found(operator, "start plan RELEASE")
    assert 'data-href="/plans/release/"' not in found(operator, "start nothing")


def test_a_lane_is_paused_by_a_dialog_and_resumed_at_once(operator: Client) -> None:
    lane, paused = make_lane("A"), make_lane("B", paused=True)
    assert f'data-asks="/lanes/{lane.pk}/pausing"' in found(operator, "pause lane a")
    assert f'data-posts="/lanes/{paused.pk}/resume"' in found(operator, "resume")
    assert "Pause lane B" not in found(operator, "pause")


def test_a_viewer_is_offered_no_lane_to_pause(viewer: Client) -> None:
    make_lane("A")
    assert "Pause lane" not in found(viewer, "pause")


def test_views_are_found_by_name(viewer: Client) -> None:
    assert 'data-href="/?view=lanes&amp;within=today"' in found(viewer, "today")
    assert "Waiting for a person" in found(viewer, "view person")


def test_who_wants_to_approve_is_led_to_the_inbox(viewer: Client) -> None:
    assert 'data-href="/inbox"' in found(viewer, "approve")


def test_whoever_asks_for_nothing_yet_sees_neither_lanes_nor_views(operator: Client) -> None:
    make_lane("A")
    html = found(operator, "")
    assert "Pause lane" not in html
    assert ">View<" not in html


def test_a_session_leads_to_its_board(viewer: Client) -> None:
    session = make_session("Incident 7")
    assert f'data-href="/?session={session.pk}"' in found(viewer, "incident")


def test_places_are_found_by_name(viewer: Client) -> None:
    assert 'data-href="/health"' in found(viewer, "heal")


def test_nothing_found_is_said(viewer: Client) -> None:
    assert "No results for “zzz&lt;b&gt;”" in found(viewer, "zzz<b>")


@pytest.mark.parametrize("text", ["\0", "%", "_", "'", "\\", "x" * 10_000, "💥"])
def test_strange_text_finds_nothing_and_breaks_nothing(viewer: Client, text: str) -> None:
    make_lane()
    assert viewer.get("/palette", {"q": text}).status_code == 200


def test_who_has_no_role_finds_nothing(stranger: Client) -> None:
    assert stranger.get("/palette").status_code == 403
