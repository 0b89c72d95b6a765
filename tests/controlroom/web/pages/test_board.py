from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries as Queries

from runs.models import Lane, Worker
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
    assert f'data-live="/ws/board?view=lanes&amp;session={mine.session_id}"' in html


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("status=foo", "status “foo” not found"),
        ("session=x", "session “x” not found"),
        ("session=77777", "session “77777” not found"),
        ("lane=nowhere", "lane “nowhere” not found"),
        ("plan=nothing", "plan “nothing” not found"),
        ("within=9y", "unknown time range “9y”"),
        ("since=yesterday", "since “yesterday” is not a time"),
        ("environment=mars", "environment “mars” not found"),
        ("session=" + "9" * 400, "not found"),
    ],
)
def test_a_filter_that_means_nothing_is_said_and_shows_nothing(viewer: Client, asked: str, said: str) -> None:
    make_run()
    html = viewer.get(f"/?{asked}").content.decode()
    assert said.lower() in html.lower()
    assert cards(html) == []
    assert 'href="/?view=lanes"' in html


@pytest.mark.parametrize(("asked", "shown"), [("view=foo", "lanes"), ("view=timeline&range=9y", "timeline")])
def test_a_view_that_is_not_there_is_said_and_the_default_shown(viewer: Client, asked: str, shown: str) -> None:
    html = viewer.get(f"/?{asked}").content.decode()
    assert f'data-view="{shown}"' in html
    assert "choose one of" in html


@pytest.mark.parametrize("asked", ["session=", "status=all", "q=%00", "lane=", "view="])
def test_what_asks_for_nothing_shows_all(viewer: Client, asked: str) -> None:
    run = make_run()
    assert cards(viewer.get(f"/?{asked}").content.decode()) == [str(run.pk)]


def test_a_value_that_carries_markup_is_shown_as_text(viewer: Client) -> None:
    html = viewer.get("/", {"status": "<img src=x>", "q": '"><img src=x>', "lane": "<img src=x>"}).content.decode()
    assert "<img" not in html


@pytest.mark.parametrize("view", ["lanes", "table"])
def test_each_view_shows_the_same_filters(viewer: Client, view: str) -> None:
    make_run(status="success")
    failed = make_run(status="error")
    html = viewer.get(f"/?view={view}&status=error").content.decode()
    assert re.findall(r'data-run="([^"]+)"', html) == [str(failed.pk)]
    assert f'href="/?view={view}&amp;status=success"' in html


def test_the_pills_tell_how_many_each_status_would_show(viewer: Client) -> None:
    make_run(status="success")
    make_run(status="success")
    make_run(status="error")
    html = viewer.get("/?status=error").content.decode()
    pills = dict(re.findall(r'(?s)id="pill-(\w+)".*?<b>([^<]+)</b></a>', html))
    assert (pills["all"], pills["success"], pills["error"], pills["queued"]) == ("3", "2", "1", "0")


def test_what_is_narrowed_can_be_removed_one_by_one_and_as_a_whole(viewer: Client) -> None:
    session = make_session("incident")
    html = viewer.get(f"/?session={session.pk}&environment=dev&q=deploy&within=24h").content.decode()
    active = html[html.index('id="active"') :].split("</ul>")[0]
    assert re.findall(r"<b class=\"ellipsis\">([^<]+)</b>", active) == ["incident", "dev", "last 24 hours", "“deploy”"]
    assert f'href="/?view=lanes&amp;session={session.pk}&amp;within=24h&amp;q=deploy"' in active
    assert 'href="/?view=lanes">Clear all' in active


def test_a_lane_that_is_filtered_by_stands_alone(viewer: Client) -> None:
    make_lane("A"), make_lane("B")
    html = viewer.get("/?lane=B").content.decode()
    assert re.findall(r'data-lane-cards="(\w+)"', html) == ["B"]


def test_a_head_tells_slots_queue_and_pause(viewer: Client) -> None:
    make_run(status="running", lane="A")
    make_run(status="queued", lane="A")
    make_run(status="waiting", lane="A")
    Lane.objects.filter(name="A").update(paused=True, limit=3, paused_reason="deploy freeze")
    html = viewer.get("/?lane=A").content.decode()
    head = html[html.index('class="lane-head"') :].split("</section>")[0]
    assert head.count('<i class="held"></i>') == 1
    assert "1 of 3 slots in use" in head
    assert "<b>1</b> queued" in head
    assert "<b>1</b> waiting" in head
    assert "deploy freeze" in head


def test_a_queued_run_says_why_it_does_not_run(viewer: Client) -> None:
    run = make_run(status="queued", lane="A")
    Lane.objects.filter(name="A").update(paused=True, paused_reason="deploy freeze")
    html = viewer.get("/").content.decode()
    assert f'id="why-{run.pk}" title="lane A is paused: deploy freeze"' in html


def test_without_a_worker_the_board_says_so(viewer: Client) -> None:
    assert b"No workers online" in viewer.get("/").content
    now = timezone.now()
    Worker.objects.create(name="w", host="h", pid=1, slots=1, started_at=now, seen_at=now)
    assert b"No workers online" not in viewer.get("/").content


def test_a_running_run_is_measured_against_the_last_successful_ones(viewer: Client) -> None:
    version = make_plan()
    now = timezone.now()
    make_run(version=version, status="success", started_at=now - timedelta(seconds=100), finished_at=now)
    fresh = make_run(version=version, status="running", started_at=now)
    late = make_run(version=version, status="running", started_at=now - timedelta(seconds=300))
    html = viewer.get("/").content.decode()
    bars = dict(re.findall(r'id="run-([^"]+)".*?(<span class="pace".*?</progress>)', html, re.S))
    assert "left: usually takes 1 m 40 s" in bars[str(fresh.pk)]
    assert "running longer than usual: usually takes 1 m 40 s" in bars[str(late.pk)]
    assert "data-over" in bars[str(late.pk)]


def test_without_a_history_nothing_is_expected(viewer: Client) -> None:
    make_run(status="running")
    assert b"<progress" not in viewer.get("/").content


def test_for_htmx_only_what_changes_is_sent_with_the_boards_address(viewer: Client) -> None:
    make_run()
    answer = viewer.get("/?q=hello&q=", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/"})
    html = answer.content.decode()
    assert "<html" not in html
    assert html.count('hx-swap-oob="true"') >= 6
    assert answer.headers["HX-Push-Url"] == "/?view=lanes"
    assert "HX-Request" in answer.headers["Vary"]


def test_further_letters_of_a_search_make_no_further_history(viewer: Client) -> None:
    typing = {"HX-Request": "true", "HX-Trigger": "find", "HX-Current-URL": "http://testserver/?view=lanes&q=de"}
    answer = viewer.get("/?view=lanes&q=dep", headers=typing)
    assert answer.headers["HX-Replace-Url"] == "/?view=lanes&q=dep"
    assert 'id="search"' not in answer.content.decode()


def test_going_back_gets_the_whole_page(viewer: Client) -> None:
    back = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert b"<html" in viewer.get("/", headers=back).content


def test_an_empty_board_says_how_to_start(viewer: Client) -> None:
    html = viewer.get("/").content.decode()
    assert "No runs yet" in html
    assert "controlroom run PLAN" in html, "it names no plan that may not be there"


def test_an_empty_session_leads_to_a_run_in_it(viewer: Client) -> None:
    make_run()
    session = make_session("quiet <42>")
    html = viewer.get(f"/?session={session.pk}").content.decode()
    assert "No runs in session “quiet &lt;42&gt;”" in html
    assert f'href="/plans/?session={session.pk}"' in html
    assert "Archived runs are hidden" in html
    assert "Archived runs" not in viewer.get(f"/?session={session.pk}&archived=1").content.decode()


@pytest.mark.parametrize("more", ["&q=x", "&status=error", "&lane=A"])
def test_a_session_with_another_filter_may_hold_what_does_not_match(viewer: Client, more: str) -> None:
    make_lane("A")
    html = viewer.get(f"/?session={make_session('quiet').pk}{more}").content.decode()
    assert ("No runs match" in html, "No runs in session" in html) == (True, False)


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


def test_the_number_of_queries_does_not_grow_with_runs(
    viewer: Client,
    django_assert_num_queries: Queries,
    django_assert_max_num_queries: Queries,
) -> None:
    version = make_plan(TEN_STEPS)
    make_run(version=version)
    with django_assert_max_num_queries(30) as few:
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
    assert b"Wrong username or password" in answer.content


@pytest.mark.parametrize("address", ["http://[", "\x00", "http://testserver:99999/"])
def test_a_page_that_is_at_no_address_still_gets_its_board(viewer: Client, address: str) -> None:
    answer = viewer.get("/?q=a", headers={"HX-Request": "true", "HX-Current-URL": address})
    assert answer.status_code == 200
