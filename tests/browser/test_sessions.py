"""The page of sessions in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from runs.models import Session
from tests.factories import make_run, make_session

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def test_a_session_is_archived_and_comes_back_from_the_toast(open_page: SignIn) -> None:
    session = make_session("incident 42")
    page = open_page("/sessions")
    row = page.locator(f"#session-{session.pk}")
    page.get_by_role("button", name="Archive incident 42").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
    assert Session.objects.get(pk=session.pk).archived_at is None


def test_an_archived_session_is_shown_by_the_switch_and_restored(open_page: SignIn) -> None:
    session = make_session("incident 42")
    page = open_page("/sessions")
    page.get_by_role("button", name="Archive incident 42").click()
    expect(page.get_by_role("button", name="Archive incident 42")).to_have_count(
        0
    )  # else the next page ends the request
    page.get_by_label("Show archived").check()
    expect(page.locator(f"#session-{session.pk}")).to_contain_text("archived")
    page.get_by_role("button", name="Unarchive incident 42").click()
    expect(page.get_by_role("button", name="Archive incident 42")).to_be_visible()


def test_a_session_is_renamed_in_place_by_keyboard(open_page: SignIn) -> None:
    session = make_session("incident 42")
    page = open_page("/sessions")
    page.get_by_role("button", name="Rename incident 42").press("Enter")
    field = page.get_by_label("New name of incident 42")
    expect(field).to_be_focused()
    field.fill("incident 43")
    field.press("Enter")
    expect(page.locator(f"#session-{session.pk}")).to_contain_text("incident 43")


def test_one_goes_on_with_the_session_that_was_renamed(open_page: SignIn) -> None:
    make_session("one")
    page = open_page("/sessions")
    page.get_by_role("button", name="Rename one").press("Enter")
    expect(page.get_by_label("New name of one")).to_be_focused()
    page.keyboard.type("two")  # in place of the old name
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Rename two", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("New name of two")).to_be_focused()
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(page.get_by_role("button", name="Rename two", exact=True)).to_be_focused()


def test_the_cursor_moves_over_sessions_and_stays_when_one_leaves(open_page: SignIn) -> None:
    first, older, newer = make_session(), make_session("older"), make_session("newer")
    page = open_page("/sessions")
    page.keyboard.press("j")
    expect(page.locator("[data-cursor]")).to_have_id(f"session-{first.pk}")
    page.keyboard.press("j")
    expect(page.locator("[data-cursor]")).to_have_id(f"session-{newer.pk}")
    page.get_by_role("button", name="Archive newer").press("Enter")
    expect(page.locator(f"#session-{newer.pk}")).to_have_count(0)
    expect(page.locator("[data-cursor]")).to_have_id(f"session-{older.pk}")
    expect(page.get_by_role("link", name="older")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/?session={older.pk}")


def test_a_name_of_a_new_session_that_is_taken_leads_to_that_one(open_page: SignIn) -> None:
    session = make_session("incident 42")
    page = open_page("/sessions")
    page.get_by_label("Name of a new session").fill("incident 42")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Session incident 42 already exists")
    page.get_by_role("link", name="Show runs").click()
    page.wait_for_url(f"**/?session={session.pk}")


def test_a_name_that_is_taken_is_said_and_the_typed_one_stays(open_page: SignIn) -> None:
    make_session("one"), make_session("two")
    page = open_page("/sessions")
    page.get_by_role("button", name="Rename one").click()
    page.get_by_label("New name of one").fill("two")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("session two already exists")
    expect(page.get_by_label("New name of one")).to_have_value("two")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("link", name="one", exact=True)).to_be_visible()


def test_a_new_session_opens_its_board(open_page: SignIn) -> None:
    page = open_page("/sessions")
    page.get_by_label("Name of a new session").fill("incident 42")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Board")).to_be_attached()
    expect(page.locator("main")).to_contain_text("incident 42")


def test_a_phone_shows_all_of_it(open_page: SignIn, picture: Picture) -> None:
    make_run(session=make_session("A very long name of a session " * 6), status="running")
    for theme in ("light", "dark"):
        page = open_page("/sessions", width=360, theme=theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        picture(page, f"sessions-phone-{theme}")
    picture(open_page("/sessions"), "sessions")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_used_by_everybody(open_page: SignIn, theme: str) -> None:
    make_session("one"), make_session("two")
    page = open_page("/sessions", theme=theme)
    page.get_by_role("button", name="Rename one").click()
    expect(page.get_by_label("New name of one")).to_be_visible()
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in {"serious", "critical"}
    ]
