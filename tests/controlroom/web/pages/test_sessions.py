"""The page of sessions, and what is done to them there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Session
from tests.factories import make_run, make_session

pytestmark = pytest.mark.django_db


def page_of(client: Client, query: str = "") -> str:
    answer = client.get(f"/sessions{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def toast(answer: Any) -> dict[str, str]:
    return dict(json.loads(answer.headers["X-Toast"]))


def test_a_new_session_opens_its_own_board(operator: Client) -> None:
    answer = operator.post("/sessions/create", {"name": " incident 42 "})
    session = Session.objects.get(name="incident 42")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/?session={session.pk}")


def test_htmx_is_told_where_the_new_board_is(operator: Client) -> None:
    answer = operator.post("/sessions/create", {"name": "incident 42"}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == f"/?session={Session.objects.get(name='incident 42').pk}"


def test_a_name_that_is_taken_makes_nothing_and_says_so(operator: Client) -> None:
    session = make_session("incident 42")
    answer = operator.post("/sessions/create", {"name": " incident 42"}, headers={"HX-Request": "true"})
    assert (answer.status_code, "HX-Redirect" in answer.headers) == (204, False)
    assert toast(answer)["text"] == "Session incident 42 already exists"
    assert toast(answer)["href"] == f"/?session={session.pk}"


def test_without_a_script_a_name_that_is_taken_is_shown_in_the_list(operator: Client) -> None:
    make_session("incident 42")
    answer = operator.post("/sessions/create", {"name": "incident 42"})
    assert answer.headers["Location"] == "/sessions?q=incident+42"


def test_the_name_of_an_archived_session_is_refused_with_a_way_out(operator: Client) -> None:
    Session.objects.create(name="incident 42", archived_at=timezone.now())
    answer = operator.post("/sessions/create", {"name": "incident 42"})
    assert (answer.status_code, "unarchive it" in toast(answer)["text"]) == (409, True)


@pytest.mark.parametrize("name", ["", "   ", "\0", "x" * 201])
@pytest.mark.parametrize("path", ["/sessions/create", "/sessions/{}/rename"])
def test_a_session_needs_a_name_that_fits(operator: Client, name: str, path: str) -> None:
    session = make_session("incident 42")
    before = list(Session.objects.values_list("name", flat=True))
    answer = operator.post(path.format(session.pk), {"name": name})
    assert answer.status_code == 422
    assert list(Session.objects.values_list("name", flat=True)) == before


def test_the_list_tells_how_many_runs_there_are_and_when_the_last_came(operator: Client) -> None:
    session = make_session("incident 42")
    make_run(session=session, status="success"), make_run(session=session, status="running")
    make_session("nothing yet")
    (row,) = [row for row in page_of(operator).split("<tr") if f'id="session-{session.pk}"' in row]
    assert '<td class="number">2</td>' in row
    assert '<td class="number">1</td>' in row
    assert "none yet" not in row


def test_the_list_asks_few_questions_however_long_it_is(operator: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(120):
        make_session(f"session {number}")
    with django_assert_max_num_queries(8):
        page = page_of(operator)
    assert page.count("<tr") == 1 + 100


def test_older_sessions_come_on_further_pages(operator: Client) -> None:
    sessions = [make_session(f"session {number:03}") for number in range(120)]
    page = page_of(operator)
    assert "session 119" in page and "session 000" not in page
    older = page_of(operator, f"?before={sessions[21].pk}")
    assert "session 000" in older and "session 119" not in older and "default session" not in older


def test_a_thousand_runs_are_counted_no_further(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.models.session.RUNS_COUNTED", 1)
    monkeypatch.setattr("controlroom.web.pages.sessions.RUNS_COUNTED", 1)
    for _ in range(3):
        make_run(session=make_session("busy"), status="success")
    assert '<td class="number">1+</td>' in page_of(operator)


def test_archived_sessions_are_shown_when_asked_for(operator: Client) -> None:
    Session.objects.create(name="over", archived_at=timezone.now())
    assert "over</a>" not in page_of(operator)
    assert "over</a>" in page_of(operator, "?archived=1")


def test_sessions_are_found_by_a_part_of_their_name(operator: Client) -> None:
    make_session("incident 42"), make_session("release")
    page = page_of(operator, "?q=INCI")
    assert "incident 42</a>" in page and "release</a>" not in page


def test_nothing_found_is_told_from_nothing_there(operator: Client) -> None:
    assert "No session named “zzz”" in page_of(operator, "?q=zzz")
    Session.objects.all().delete()
    assert "No sessions yet" in page_of(operator)


@pytest.mark.parametrize("before", ["", "-1", "x", "9" * 30])
def test_a_strange_place_in_the_list_is_no_error(operator: Client, before: str) -> None:
    make_session("incident 42")
    assert "incident 42" in page_of(operator, f"?before={before}")


def test_a_name_is_shown_as_it_is(operator: Client) -> None:
    make_session("<script>alert(1)</script>")
    assert "<script>alert(1)" not in page_of(operator)


def test_a_session_is_renamed_in_its_row(operator: Client) -> None:
    session = make_session("incident 42")
    assert 'value="incident 42"' in operator.get(f"/sessions/{session.pk}/name").content.decode()
    answer = operator.post(f"/sessions/{session.pk}/rename", {"name": "incident 43"})
    assert "incident 43</a>" in answer.content.decode()
    assert Session.objects.get(pk=session.pk).name == "incident 43"


def test_a_taken_name_is_refused(operator: Client) -> None:
    session = make_session("one")
    make_session("two")
    answer = operator.post(f"/sessions/{session.pk}/rename", {"name": "two"})
    assert (answer.status_code, Session.objects.get(pk=session.pk).name) == (409, "one")


def test_archiving_can_be_undone_from_the_toast(operator: Client) -> None:
    session = make_session("incident 42")
    answer = operator.post(f"/sessions/{session.pk}/archive")
    assert Session.objects.get(pk=session.pk).archived_at is not None
    assert answer.headers["HX-Trigger"] == "sessions-changed"
    operator.post(toast(answer)["undo"])
    assert Session.objects.get(pk=session.pk).archived_at is None


def test_the_default_session_keeps_its_name_and_its_place(operator: Client) -> None:
    session = make_session()
    assert operator.post(f"/sessions/{session.pk}/archive").status_code == 409
    assert operator.post(f"/sessions/{session.pk}/rename", {"name": "other"}).status_code == 409
    assert "default session" in page_of(operator)


@pytest.mark.parametrize("verb", ["rename", "archive", "unarchive"])
def test_a_viewer_changes_no_session(viewer: Client, verb: str) -> None:
    session = make_session("incident 42")
    Session.objects.filter(pk=session.pk).update(archived_at=timezone.now() if verb == "unarchive" else None)
    before = Session.objects.values().get(pk=session.pk)
    assert viewer.post(f"/sessions/{session.pk}/{verb}", {"name": "mine"}).status_code == 403
    assert Session.objects.values().get(pk=session.pk) == before


def test_a_viewer_makes_no_sessions(viewer: Client) -> None:
    assert viewer.post("/sessions/create", {"name": "mine"}).status_code == 403
    assert not Session.objects.filter(name="mine").exists()


def test_a_stranger_sees_no_sessions(stranger: Client) -> None:
    assert stranger.get("/sessions").status_code == 403


def test_a_session_that_is_not_there_answers_404(operator: Client) -> None:
    assert operator.post(f"/sessions/{10**30}/archive").status_code == 404


def test_a_place_in_the_list_that_is_none_shows_its_beginning(viewer: Client) -> None:
    make_session("night")
    assert "night" in page_of(viewer, "?before=" + "0" * 19 + "1" + "9" * 5000)
