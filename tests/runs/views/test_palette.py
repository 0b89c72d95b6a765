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


def test_a_session_leads_to_its_board(viewer: Client) -> None:
    session = make_session("Incident 7")
    assert f'data-href="/?session={session.pk}"' in found(viewer, "incident")


def test_places_are_found_by_name(viewer: Client) -> None:
    assert 'data-href="/health"' in found(viewer, "heal")


def test_nothing_found_is_said(viewer: Client) -> None:
    assert "Nothing found for “zzz&lt;b&gt;”" in found(viewer, "zzz<b>")


@pytest.mark.parametrize("text", ["\0", "%", "_", "'", "\\", "x" * 10_000, "💥"])
def test_strange_text_finds_nothing_and_breaks_nothing(viewer: Client, text: str) -> None:
    make_lane()
    assert viewer.get("/palette", {"q": text}).status_code == 200


def test_who_has_no_role_finds_nothing(stranger: Client) -> None:
    assert stranger.get("/palette").status_code == 403
