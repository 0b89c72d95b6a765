from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries as Queries

from runs.models import Lane
from tests.factories import make_lane, make_plan, make_run, make_session

pytestmark = pytest.mark.django_db

TEN_STEPS = "pulser: 1\nslug: ten\ntitle: Ten\nsteps:\n" + "".join(
    f"  - {{id: s{number}, uses: shell, with: {{run: 'true'}}}}\n" for number in range(10)
)


def cards(html: str) -> list[str]:
    return re.findall(r'<article class="card" id="run-([^"]+)"', html)


def test_the_board_asks_people_to_sign_in(client: Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=/")


def test_a_stranger_is_told_that_there_is_no_access(stranger: Client) -> None:
    answer = stranger.get("/")
    assert answer.status_code == 403
    assert b"No access" in answer.content


def test_a_run_is_a_card_in_its_lane(viewer: Client) -> None:
    run = make_run(title="Rotate the keys", lane="B")
    html = viewer.get("/").content.decode()
    column = html[html.index('data-lane-cards="B"') :]
    assert cards(column) == [str(run.pk)]
    assert "Rotate the keys" in column


def test_the_newest_run_comes_first(viewer: Client) -> None:
    first, second = make_run(), make_run()
    assert cards(viewer.get("/").content.decode()) == [str(second.pk), str(first.pk)]


def test_lanes_stand_in_the_order_of_their_positions(viewer: Client) -> None:
    make_lane("late", position=90)
    make_lane("early", position=80)
    html = viewer.get("/").content.decode()
    assert html.index('data-lane-cards="early"') < html.index('data-lane-cards="late"')


def test_archived_runs_show_only_when_they_are_asked_for(viewer: Client) -> None:
    run = make_run(status="success", archived_at=timezone.now())
    assert cards(viewer.get("/").content.decode()) == []
    assert cards(viewer.get("/?archived=1").content.decode()) == [str(run.pk)]


def test_a_session_narrows_the_board_and_its_feed(viewer: Client) -> None:
    make_run()
    mine = make_run(session="incident")
    html = viewer.get(f"/?session={mine.session_id}").content.decode()
    assert cards(html) == [str(mine.pk)]
    assert f'data-live="/ws/board?session={mine.session_id}"' in html


@pytest.mark.parametrize("asked", ["77777", "9" * 18])
def test_a_session_that_is_not_there_is_not_found(viewer: Client, asked: str) -> None:
    assert viewer.get(f"/?session={asked}").status_code == 404


@pytest.mark.parametrize("asked", ["", "x", "-1", "%00", "9" * 400])
def test_what_is_no_session_id_shows_all_sessions(viewer: Client, asked: str) -> None:
    assert viewer.get(f"/?session={asked}").status_code == 200


def test_an_empty_board_says_how_to_start(viewer: Client) -> None:
    assert b"No runs yet" in viewer.get("/").content


def test_an_empty_session_is_told_from_an_empty_board(viewer: Client) -> None:
    make_run()
    session = make_session("quiet")
    assert b"No run matches" in viewer.get(f"/?session={session.pk}").content


def test_a_title_cannot_carry_markup(viewer: Client) -> None:
    make_run(title="<img src=x onerror=alert(1)>")
    assert b"<img" not in viewer.get("/").content


def test_the_body_says_who_may_press_buttons(operator: Client, viewer: Client) -> None:
    assert b'<body data-role="operator"' in operator.get("/").content
    assert b'<body data-role="viewer"' in viewer.get("/").content


def test_cards_are_the_same_for_everybody(operator: Client, viewer: Client) -> None:
    make_run(status="error")
    pattern = re.compile(r'<article class="card".*?</article>', re.S)
    seen = [pattern.findall(person.get("/").content.decode()) for person in (operator, viewer)]
    assert re.sub(r">[^<]* ago<", "", seen[0][0]) == re.sub(r">[^<]* ago<", "", seen[1][0])


def test_counts_name_load_and_statuses(viewer: Client) -> None:
    make_run(status="running", lane="A")
    make_run(status="queued", lane="A")
    Lane.objects.filter(name="A").update(paused=True, limit=3)
    html = viewer.get("/board/counts").content.decode()
    assert "<b>1</b>/3 running" in html
    assert "<b>1</b> queued" in html
    assert "paused" in html
    assert html.count('hx-swap-oob="true"') == 1 + Lane.objects.count()


def test_the_number_of_queries_does_not_grow_with_runs(
    viewer: Client,
    django_assert_num_queries: Queries,
    django_assert_max_num_queries: Queries,
) -> None:
    version = make_plan(TEN_STEPS)
    make_run(version=version)
    with django_assert_max_num_queries(12) as few:
        viewer.get("/")
    for _ in range(12):
        make_run(version=version, lane="B")
    with django_assert_num_queries(len(few)):
        viewer.get("/")


def test_signing_in_leads_to_the_board(client: Client, django_user_model: type[User]) -> None:
    django_user_model.objects.create_user(username="olivia", password="secret-enough")
    answer = client.post("/login", {"username": "olivia", "password": "secret-enough"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_wrong_password_is_said_and_nothing_more(client: Client) -> None:
    answer = client.post("/login", {"username": "olivia", "password": "guess"})
    assert answer.status_code == 200
    assert b"do not fit together" in answer.content
