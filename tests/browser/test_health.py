"""The health page while it stays open: it asks anew by itself, and never shows as well what it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.factories import make_run, make_worker

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def look(page: Page) -> None:
    """Let it ask now, not only when its five seconds are over."""
    page.evaluate("htmx.trigger('#main', 'look')")


def refreshed(page: Page) -> None:
    """Look until all of it was drawn anew."""
    page.evaluate("document.querySelector('#health').dataset.old = ''")
    look(page)
    expect(page.locator("#health:not([data-old])")).to_be_attached()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_without_an_answer_no_check_looks_well(open_page: SignIn, picture: Picture, theme: str) -> None:
    make_worker()
    make_run(status="success")
    page = open_page("/health", theme=theme)
    expect(page.locator("#light")).to_have_text("live")
    drawn_at = str(page.locator(".as-of time").text_content())
    page.context.set_offline(True)
    look(page)
    expect(page.get_by_role("alert")).to_contain_text("The control room cannot be reached.")
    expect(page.get_by_role("alert")).to_contain_text(f"is from {drawn_at}")
    expect(page.locator("#light")).to_have_text("offline")
    expect(page.locator(".checks li")).to_contain_text(["unknown"] * 4)
    expect(page.locator(".checks [data-status=success], tr[data-status=success]")).to_have_count(0)
    expect(page.locator(".toast")).to_have_count(0)
    picture(page, f"health-offline-{theme}")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []


def test_it_is_well_again_when_an_answer_comes(open_page: SignIn) -> None:
    page = open_page("/health")
    page.context.set_offline(True)
    look(page)
    expect(page.locator("#light")).to_have_text("offline")
    page.context.set_offline(False)  # the browser says so, and the page asks at once
    expect(page.locator("#light")).to_have_text("live")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".checks li").first).to_contain_text("answers")


def test_an_error_is_told_from_silence(open_page: SignIn) -> None:
    page = open_page("/health")
    page.route("**/health?*", lambda route: route.fulfill(status=503, body="no database"))
    look(page)
    expect(page.get_by_role("alert")).to_contain_text("The control room answered with status 503.")
    expect(page.locator(".checks li")).to_contain_text(["unknown"] * 4)
    expect(page.locator(".toast")).to_have_count(0)


def test_what_was_opened_and_focused_stays_so(open_page: SignIn) -> None:
    make_run(status="success")
    page = open_page("/health")
    numbers = page.locator("#health summary").nth(1)
    numbers.press("Enter")
    refreshed(page)
    expect(page.locator("#health details").nth(1)).to_have_attribute("open", "")
    expect(page.locator("#health details").nth(0)).not_to_have_attribute("open", "")
    expect(numbers).to_be_focused()


def test_a_phone_shows_what_each_worker_does(open_page: SignIn) -> None:
    make_worker("a worker with a long name")
    page = open_page("/health", width=360)
    assert page.locator(".wide").evaluate("box => box.scrollWidth <= box.clientWidth"), "nothing is beyond its edge"
    assert page.get_by_text("idle").evaluate("said => said.getBoundingClientRect().right") < 360
