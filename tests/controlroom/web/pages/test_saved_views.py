"""Saved views: the tabs over the board, their badges, and what their owner does to them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from controlroom.web.pages import saved_views
from runs.commands.views import GONE, VIEWS_EACH
from runs.models import SavedView
from tests.factories import make_run, make_session, make_user, put_step

pytestmark = pytest.mark.django_db

FAILED = "view=lanes&status=error"
MANY = "&".join(f"{name}=\u00e4{'x' * 90}{n}" for name in ("plan", "trigger") for n in range(50))


@pytest.fixture
def olivia(db: None) -> Client:
    return client_of(make_user("operator", name="olivia"))


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def save(client: Client, name: str = "Broken", query: str = FAILED) -> SavedView:
    answer = client.post("/views/save", {"name": name, "query": query}, headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.content
    return SavedView.objects.latest("pk")


def tabs(client: Client, query: str = "") -> str:
    answer = client.get(f"/views?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def toast(answer: Any) -> dict[str, str]:
    return dict(json.loads(answer.headers["X-Toast"]))


def test_a_saved_view_stands_over_the_board_and_leads_back_to_it(olivia: Client) -> None:
    view = save(olivia)
    page = tabs(olivia, f"{FAILED}&saved={view.pk}")
    (tab,) = [tab for tab in page.split("<a ") if f'id="tab-view-{view.pk}"' in tab]
    assert f"/?view=lanes&amp;status=error&amp;saved={view.pk}" in tab
    assert 'aria-current="page"' in tab


def test_the_same_board_is_saved_in_the_same_words(olivia: Client) -> None:
    view = save(olivia, query="status=error&foo=1&status=all&view=table&saved=3&lane=B&lane=A")
    assert view.query == "view=table&status=error&lane=A&lane=B"


def test_the_board_has_the_tabs_in_its_first_paint(olivia: Client) -> None:
    view = save(olivia)
    assert f'id="tab-view-{view.pk}"' in olivia.get("/?view=lanes").content.decode()


def test_what_was_changed_since_can_be_saved_or_saved_anew(olivia: Client) -> None:
    view = save(olivia)
    page = tabs(olivia, f"{FAILED}&lane=A&saved={view.pk}")
    assert ("modified" in page, "Save as new" in page, f"/views/{view.pk}/change" in page) == (True, True, True)

    olivia.post(f"/views/{view.pk}/change", {"query": f"{FAILED}&lane=A"})

    view.refresh_from_db()
    assert view.query == f"{FAILED}&lane=A"
    assert "modified" not in tabs(olivia, f"{FAILED}&lane=A&saved={view.pk}")


def test_the_board_of_everything_offers_nothing_to_save(olivia: Client) -> None:
    assert "Save view" not in tabs(olivia, "view=lanes")
    assert "Save view" in tabs(olivia, "view=table")


@pytest.mark.parametrize("key", ["all", "running", "failed", "person", "today"])
def test_everybody_has_the_views_of_the_system(viewer: Client, key: str) -> None:
    assert f'id="tab-{key}"' in tabs(viewer)


def test_a_view_of_the_system_is_current_whatever_the_layout(viewer: Client) -> None:
    page = tabs(viewer, "view=table&status=error")
    (tab,) = [tab for tab in page.split("<a ") if 'id="tab-failed"' in tab]
    assert 'aria-current="page"' in tab


@pytest.mark.parametrize(
    ("name", "query", "why"),
    [
        pytest.param("", FAILED, "needs a name", id="no name"),
        pytest.param(" \0 ", FAILED, "needs a name", id="nothing to see"),
        pytest.param("x" * 101, FAILED, "at most 100", id="a long name"),
        pytest.param("Broken", "status=foo", "“foo” not found", id="a status that is none"),
        pytest.param("Broken", "view=circle", "unknown view", id="a layout that is none"),
        pytest.param("Broken", MANY, "fewer values", id="a long query"),
    ],
)
def test_what_cannot_be_a_view_is_said_beside_the_name(olivia: Client, name: str, query: str, why: str) -> None:
    answer = olivia.post("/views/save", {"name": name, "query": query}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not SavedView.objects.exists()


def test_a_taken_name_is_said_beside_it(olivia: Client) -> None:
    save(olivia)
    answer = olivia.post("/views/save", {"name": "Broken", "query": FAILED}, headers={"HX-Request": "true"})
    assert (answer.status_code, "you already have a view Broken" in answer.content.decode()) == (409, True)


def test_two_people_may_have_views_of_one_name(olivia: Client, operator: Client) -> None:
    save(olivia), save(operator)
    assert SavedView.objects.count() == 2


def test_nobody_has_more_than_fifty(olivia: Client) -> None:
    owner_id = save(olivia).owner_id
    SavedView.objects.bulk_create(SavedView(owner_id=owner_id, name=f"view {n}") for n in range(VIEWS_EACH - 1))
    answer = olivia.post("/views/save", {"name": "one more", "query": FAILED}, headers={"HX-Request": "true"})
    assert (answer.status_code, "delete one first" in answer.content.decode()) == (409, True)


def test_a_view_is_renamed(olivia: Client) -> None:
    view = save(olivia)
    assert 'value="Broken"' in olivia.get(f"/views/{view.pk}/name").content.decode()
    answer = olivia.post(f"/views/{view.pk}/rename", {"name": "  To   mend "})
    view.refresh_from_db()
    assert (view.name, answer.headers["HX-Trigger"]) == ("To mend", "views-changed")


def test_a_renamed_view_takes_no_taken_name(olivia: Client) -> None:
    view, _ = save(olivia), save(olivia, name="Other")
    assert olivia.post(f"/views/{view.pk}/rename", {"name": "Other"}).status_code == 409


def test_a_shared_view_is_seen_by_others_and_changed_by_none_of_them(olivia: Client, viewer: Client) -> None:
    view = save(olivia)
    assert "Broken" not in tabs(viewer)
    olivia.post(f"/views/{view.pk}/share", {"shared": "1"})
    assert "Broken, shared by olivia" in tabs(viewer)
    for verb in ("change", "rename", "share", "default", "delete", "restore"):
        assert viewer.post(f"/views/{view.pk}/{verb}", {"name": "mine", "query": ""}).status_code == 404
    assert viewer.get(f"/views/{view.pk}/name").status_code == 404


def test_a_viewer_keeps_views_and_shares_none(viewer: Client) -> None:
    view = save(viewer)
    assert viewer.post(f"/views/{view.pk}/share", {"shared": "1"}).status_code == 403
    view.refresh_from_db()
    assert not view.is_shared


def test_the_board_opens_with_the_default_view(olivia: Client) -> None:
    view = save(olivia)
    olivia.post(f"/views/{view.pk}/default", {"chosen": "1"})
    assert olivia.get("/").headers["Location"] == f"/?{FAILED}&saved={view.pk}"
    assert olivia.get("/?view=lanes").status_code == 200
    olivia.post(f"/views/{view.pk}/default", {"chosen": "0"})
    assert olivia.get("/").status_code == 200


def test_a_person_has_one_default(olivia: Client) -> None:
    first, second = save(olivia), save(olivia, name="Other")
    for view in (first, second):
        olivia.post(f"/views/{view.pk}/default", {"chosen": "1"})
    assert list(SavedView.objects.filter(is_default=True)) == [second]


def test_a_deleted_view_comes_back_from_the_toast(olivia: Client) -> None:
    view = save(olivia)
    answer = olivia.post(f"/views/{view.pk}/delete")
    assert f"tab-view-{view.pk}" not in tabs(olivia)
    olivia.post(toast(answer)["undo"])
    assert f"tab-view-{view.pk}" in tabs(olivia)


def test_a_deleted_view_whose_name_is_taken_stays_away(olivia: Client) -> None:
    view = save(olivia)
    olivia.post(f"/views/{view.pk}/delete")
    SavedView.objects.create(owner_id=view.owner_id, name=view.name)
    assert olivia.post(f"/views/{view.pk}/restore").status_code == 409


def test_a_deleted_default_gives_its_place_away(olivia: Client) -> None:
    view = save(olivia)
    olivia.post(f"/views/{view.pk}/default", {"chosen": "1"})
    olivia.post(f"/views/{view.pk}/delete")
    assert olivia.get("/").status_code == 200


def test_what_a_view_asks_for_and_is_gone_is_said(olivia: Client) -> None:
    session = make_session("short")
    view = save(olivia, query=f"session={session.pk}&plan=nope&lane=Z")
    gone = f"Lane “Z” not found; plan “nope” not found; session “{session.pk}” not found"
    session.delete()
    answer = olivia.get(f"/?{view.query}&saved={view.pk}")
    assert (answer.status_code, gone in answer.content.decode()) == (200, True)


def test_names_are_shown_as_they_are(olivia: Client) -> None:
    save(olivia, name="<b>bold</b>")
    assert "<b>bold</b>" not in tabs(olivia)


@pytest.mark.parametrize("saved", ["x", "0", "9" * 30, "-1"])
def test_a_view_that_is_not_there_is_no_error(olivia: Client, saved: str) -> None:
    tabs(olivia, f"saved={saved}")
    assert olivia.get(f"/?view=lanes&saved={saved}").status_code == 200


def badges(client: Client) -> dict[str, str]:
    page = client.get("/views/badges").content.decode()
    return dict(re.findall(r'id="badge-([\w-]+)" hx-swap-oob="true">([^<]*)<', page))


def test_badges_count_what_each_view_would_show(olivia: Client) -> None:
    for status in ("error", "error", "running", "waiting", "success"):
        make_run(status=status)
    put_step(make_run(status="waiting", created_at=timezone.now() - timedelta(days=3)), "greet", "waiting")
    view = save(olivia, query="status=success&status=error")
    counted = {"all": "6", "running": "1", "failed": "2", "person": "1", "today": "5", f"view-{view.pk}": "3"}
    assert badges(olivia) == counted


def test_badges_end_at_ninety_nine(olivia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.queries.lists.badges.COUNTED", 1)
    for _ in range(3):
        make_run(status="error")
    assert badges(olivia)["failed"] == "1+"


def test_badges_take_one_query_however_many_there_are(olivia: Client, django_assert_max_num_queries: Any) -> None:
    owner_id = save(olivia).owner_id
    SavedView.objects.bulk_create(SavedView(owner_id=owner_id, name=f"view {n}", query=FAILED) for n in range(40))
    badges(olivia)
    with django_assert_max_num_queries(9):  # signing in, roles, tabs; one for all counts, and its transaction
        badges(olivia)


def test_a_badge_that_takes_too_long_stays_empty(olivia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    save(olivia, query="q=slow")
    monkeypatch.setattr("runs.queries.lists.newest.COUNT", "SELECT {place}, 1 FROM pg_sleep(60), ({walk}) AS walk")
    monkeypatch.setattr("runs.queries.lists.badges.PATIENCE_S", 0.05)
    assert set(badges(olivia).values()) == {""}


def test_a_view_that_means_nothing_any_more_counts_nothing(olivia: Client) -> None:
    view = save(olivia)
    SavedView.objects.update(query="status=abolished")
    assert badges(olivia)[f"view-{view.pk}"] == "0"
    tabs(olivia, f"status=abolished&saved={view.pk}")


@pytest.mark.parametrize("path", ["/views", "/views/badges", "/views/new"])
def test_a_stranger_sees_no_views(stranger: Client, path: str) -> None:
    assert stranger.get(path).status_code == 403


def test_a_stranger_keeps_no_views(stranger: Client) -> None:
    assert stranger.post("/views/save", {"name": "x", "query": FAILED}).status_code == 403


VERBS = {
    "change": {"query": FAILED},
    "rename": {"name": "Mine"},
    "share": {"shared": "1"},
    "default": {"chosen": "1"},
    "delete": {},
}


@pytest.fixture
def lost(olivia: Client, monkeypatch: pytest.MonkeyPatch) -> SavedView:
    """A view that another tab deletes between the look at it and the change."""
    view = save(olivia)
    found = saved_views._find_own_view

    def find(request: Any, view_id: int) -> SavedView:
        one = found(request, view_id)
        SavedView.objects.filter(pk=one.pk).update(deleted_at=Now())
        return one

    monkeypatch.setattr(saved_views, "_find_own_view", find)
    return view


@pytest.mark.parametrize("verb", VERBS)
def test_a_view_that_is_deleted_in_that_moment_is_said_to_be_gone(olivia: Client, lost: SavedView, verb: str) -> None:
    answer = olivia.post(f"/views/{lost.pk}/{verb}", VERBS[verb])

    assert (answer.status_code, toast(answer)["text"]) == (404, GONE)
    assert answer.headers["HX-Trigger"] == "views-changed"
    assert not SavedView.objects.kept().exists()


@pytest.mark.parametrize("verb", VERBS)
def test_a_view_whose_row_is_purged_in_that_moment_is_said_to_be_gone(
    olivia: Client, lost: SavedView, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    purged = saved_views._find_own_view

    def find(request: Any, view_id: int) -> SavedView:
        one = purged(request, view_id)
        SavedView.objects.all().delete()
        one.pk = view_id
        return one

    monkeypatch.setattr(saved_views, "_find_own_view", find)

    assert toast(olivia.post(f"/views/{lost.pk}/{verb}", VERBS[verb]))["text"] == GONE


@pytest.mark.parametrize("verb", VERBS)
def test_a_view_that_was_deleted_before_is_said_to_be_gone(olivia: Client, verb: str) -> None:
    view = save(olivia)
    olivia.post(f"/views/{view.pk}/delete")

    answer = olivia.post(f"/views/{view.pk}/{verb}", VERBS[verb])

    assert (answer.status_code, toast(answer)["text"]) == (404, GONE)
    assert olivia.post(f"/views/{view.pk}/restore").status_code == 200, "it can still be brought back"


def test_the_dialog_of_a_deleted_view_says_that_it_is_gone(olivia: Client) -> None:
    view = save(olivia)
    olivia.post(f"/views/{view.pk}/delete")

    answer = olivia.get(f"/views/{view.pk}/name", headers={"HX-Request": "true"})

    assert (answer.status_code, toast(answer)["text"]) == (404, GONE)


def test_a_view_that_was_purged_cannot_be_brought_back(olivia: Client) -> None:
    view = save(olivia)
    olivia.post(f"/views/{view.pk}/delete")
    save(olivia, name="Other")  # for good

    answer = olivia.post(f"/views/{view.pk}/restore")

    assert (answer.status_code, "can no longer be restored" in toast(answer)["text"]) == (404, True)


def test_an_address_of_a_deleted_view_shows_the_same_and_says_so(olivia: Client, viewer: Client) -> None:
    view = save(olivia)
    address = f"/?{view.query}&saved={view.pk}"
    words = "The saved view was deleted"
    assert [words in client.get(address).content.decode() for client in (olivia, viewer)] == [False, False]

    olivia.post(f"/views/{view.pk}/delete")

    page = olivia.get(address).content.decode()
    assert (words in page, f"saved={view.pk}" in page) == (True, False)


def test_a_view_whose_session_was_purged_is_renamed_and_shared(olivia: Client) -> None:
    session = make_session("short")
    view = save(olivia, query=f"session={session.pk}")
    session.delete()

    assert olivia.post(f"/views/{view.pk}/rename", {"name": "Old"}).status_code == 200
    assert olivia.post(f"/views/{view.pk}/share", {"shared": "1"}).status_code == 200
    assert badges(olivia)[f"view-{view.pk}"] == "0"
