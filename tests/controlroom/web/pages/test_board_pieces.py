from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Run
from tests.factories import make_lane, make_plan, make_run, make_session, start

pytestmark = pytest.mark.django_db

PIECES = ["/board/counts", "/board/more?view=table", "/board/timeline", "/board/values/plan"]


@pytest.mark.parametrize("address", PIECES)
def test_strangers_get_no_piece_of_the_board(stranger: Client, client: Client, address: str) -> None:
    assert stranger.get(address).status_code == 403
    assert client.get(address).headers["Location"].startswith("/login")


@pytest.mark.parametrize("address", PIECES)
@pytest.mark.parametrize("query", ["status=foo", "after=junk", "session=x", "range=1y", "q=%00%ff", "lane=nowhere"])
def test_bad_values_are_answered(viewer: Client, address: str, query: str) -> None:
    start()
    assert viewer.get(f"{address}{'&' if '?' in address else '?'}{query}").status_code == 200


def test_counts_bring_pills_heads_and_reasons(viewer: Client) -> None:
    lane = make_lane("A", limit=1)
    make_run(status="running", lane=lane)
    queued = make_run(status="queued", lane=lane)
    html = viewer.get("/board/counts").content.decode()
    assert re.search(r'(?s)id="pill-queued".*?<b>1</b>', html)
    assert f'id="lane-{lane.pk}" hx-swap-oob="true"' in html
    assert f'data-about="why-{queued.pk}"' in html
    assert "no workers online" in html


def test_counts_of_a_filtered_board_leave_the_other_lanes_alone(viewer: Client) -> None:
    make_lane("A")
    only = make_lane("B")
    html = viewer.get("/board/counts?lane=B").content.decode()
    assert re.findall(r'id="lane-(\d+)"', html) == [str(only.pk)]


def test_more_cards_follow_those_that_are_shown(viewer: Client) -> None:
    version = make_plan()
    runs = [start(version=version, lane="A") for _ in range(32)]
    first = viewer.get("/").content.decode()
    more = re.search(r'hx-get="(/board/more\?[^"]+)"', first)
    assert more
    html = viewer.get(more[1].replace("&amp;", "&")).content.decode()
    assert re.findall(r'data-run="([^"]+)"', html) == [str(run.pk) for run in reversed(runs[:2])]
    assert "Show more" not in html


@pytest.mark.parametrize("query", ["lane=A", "lane=A&below=junk", f"lane=A&below={UUID(int=7)}", "lane=nowhere", ""])
def test_more_cards_of_nowhere_are_not_found(viewer: Client, query: str) -> None:
    start(lane="A")
    assert viewer.get(f"/board/more?{query}").status_code == 404


def test_more_rows_follow_in_a_table(viewer: Client) -> None:
    version = make_plan()
    oldest, *_ = [start(version=version) for _ in range(101)]
    first = viewer.get("/?view=table").content.decode()
    more = re.search(r'hx-get="(/board/more\?[^"]+)"', first)
    assert more
    html = viewer.get(more[1].replace("&amp;", "&")).content.decode()
    assert re.findall(r'<tr class="row" id="run-([^"]+)"', html) == [str(oldest.pk)]


def test_a_cursor_of_other_filters_is_refused_in_words(viewer: Client) -> None:
    version = make_plan()
    for _ in range(101):
        start(version=version)
    cursor = re.search(r"after=([^\"]+)", viewer.get("/?view=table").content.decode())
    assert cursor
    html = viewer.get(f"/?view=table&environment=dev&after={cursor[1]}").content.decode()
    assert "belongs to another list or other filters" in html
    assert "Show the newest" in html


def test_the_values_of_a_filter_ignore_that_filter_and_heed_the_others(viewer: Client) -> None:
    make_run(status="success", environment="dev")
    make_run(status="success", environment="prod")
    make_run(status="error", environment="prod")
    html = viewer.get("/board/values/environment?environment=dev&status=success", headers={"HX-Request": "true"})
    assert values(html.content.decode()) == {"dev": "1", "staging": "0", "prod": "1"}


def values(html: str) -> dict[str, str]:
    return dict(re.findall(r'value="([^"]*)" id="value-.*?class="count">([^<]*)<', html, re.S))


def test_chosen_values_come_first_and_stay_however_one_searches(viewer: Client) -> None:
    for number in range(12):
        make_session(f"shift {number}")
    chosen = make_session("chosen")
    html = viewer.get(f"/board/values/session?session={chosen.pk}&find=shift 1", headers={"HX-Request": "true"})
    labels = re.findall(r'class="ellipsis" title="([^"]+)"', html.content.decode())
    assert (labels[0], sorted(labels[1:])) == ("chosen", ["shift 1", "shift 10", "shift 11"])


@pytest.mark.parametrize("name", ["status", "lane", "plan", "session", "environment", "trigger", "within"])
def test_each_menu_is_a_page_of_its_own_without_htmx(viewer: Client, name: str) -> None:
    start(lane="A")
    html = viewer.get(f"/board/values/{name}?view=table&q=x").content.decode()
    assert "<html" in html
    assert '<input type="hidden" name="view" value="table">' in html
    assert '<input type="hidden" name="q" value="x">' in html


def test_the_menu_of_times_holds_from_and_before_as_the_viewer_reads_them(viewer: Client) -> None:
    viewer.cookies["tz"] = "Europe/Berlin"
    query = {"since": "2026-11-21T11:00Z", "until": "2026-11-21T11:30:05Z", "within": "24h", "lane": "A"}
    html = viewer.get("/board/values/within", query).content.decode()
    assert 'name="since" value="2026-11-21T12:00"' in html
    assert 'name="until" value="2026-11-21T12:30:05"' in html
    assert "Europe/Berlin" in html
    assert html.count('type="hidden" name="lane" value="A"') == 2
    assert not [name for name in ("since", "until", "within") if f'type="hidden" name="{name}"' in html]


def test_a_time_beyond_all_dates_of_the_viewers_zone_leaves_its_field_empty(viewer: Client) -> None:
    viewer.cookies["tz"] = "America/Lima"
    answer = viewer.get("/board/values/within", {"since": "0001-01-01T00:00Z"})
    assert (answer.status_code, b'name="since" value=""' in answer.content) == (200, True)


def test_a_menu_that_is_not_there_is_not_found(viewer: Client) -> None:
    assert viewer.get("/board/values/colour").status_code == 404


@pytest.mark.parametrize(
    ("actor", "shown"), [("alice", "alice"), ("token agent seven", "hook"), ("", "hook"), ("tokenia", "tokenia")]
)
def test_a_card_names_the_person_or_the_way_in_which_a_program_started_it(
    viewer: Client, actor: str, shown: str
) -> None:
    make_run(actor=actor, trigger="hook")
    page = viewer.get("/").content.decode()
    assert f">{shown}</span>" in page
    assert f'title="Started by {actor or "unknown"} (hook)"' in page


def test_a_title_in_the_time_line_cannot_carry_markup(viewer: Client) -> None:
    now = timezone.now()
    run = start(title="<script>alert(1)</script>", lane="A")
    Run.objects.filter(pk=run.pk).update(queued_at=now - timedelta(minutes=20))
    html = viewer.get("/board/timeline").content.decode()
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html


def test_a_bar_tells_all_of_it_in_words(viewer: Client) -> None:
    now = timezone.now()
    minutes = [timedelta(minutes=number) for number in (0, 5, 10, 15)]
    times = {"queued_at": now - minutes[3], "started_at": now - minutes[2], "finished_at": now - minutes[1]}
    run = make_run(status="success", title="Report", **times)
    html = viewer.get("/board/timeline").content.decode()
    assert f'id="bar-{run.pk}"' in html
    assert "<title>Report: success, 5 m 00 s, queued 5 m 00 s</title>" in html


def test_a_crowded_lane_says_what_it_leaves_out(viewer: Client) -> None:
    version = make_plan()
    for _ in range(30):
        start(version=version, lane="A")
    html = viewer.get("/board/timeline").content.decode()
    assert html.count('class="bar-run"') == 24
    assert "6 more runs are not shown." in html


def test_the_time_line_takes_the_same_queries_however_many_runs(viewer: Client, django_assert_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    version = make_plan()
    start(version=version)
    with CaptureQueriesContext(connection) as few:
        viewer.get("/?view=timeline")
    for _ in range(10):
        start(version=version)
    with django_assert_num_queries(len(few)):
        viewer.get("/?view=timeline")
