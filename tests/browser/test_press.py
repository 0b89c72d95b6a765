"""Clicks that come too early, and clicks on what moves or is replaced while the button is down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from runs.models import Run, SavedView
from tests.browser.pages import live
from tests.factories import make_plan, start
from tests.runs.helpers import claimed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import SignIn

LATE_SCRIPTS = re.compile(r"/static/(?!js/press)[^?]*\.js")
TWO_STEPS = """
pulser: 1
slug: two
title: Two
steps:
  - {id: first, uses: shell, with: {run: "echo 1"}}
  - {id: second, uses: shell, with: {run: "echo 2"}}
"""
CANCEL = '.card [data-verb="cancel"]'


class LatePage:
    """A page that is painted before its scripts are here, but for the one that keeps clicks."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self._held: list[Route] | None = []
        page.route(LATE_SCRIPTS, self._take)
        page.goto(path, wait_until="commit")

    def let_scripts_come(self) -> None:
        held, self._held = self._held, None
        for route in held or ():
            route.continue_()

    def _take(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)


def press(page: Page, control: Locator) -> None:
    """The button goes down on it, and stays down."""
    control.scroll_into_view_if_needed()
    control.hover()
    page.mouse.down()


def test_a_button_pressed_before_the_scripts_are_here_works_when_they_are(open_page: SignIn) -> None:
    run = start()
    late = LatePage(open_page("/404"), "/")
    late.page.locator(CANCEL).click()
    late.let_scripts_come()
    expect(late.page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "cancelled")


def test_a_form_sent_before_the_scripts_are_here_is_sent_when_they_are(open_page: SignIn) -> None:
    page = live(open_page("/?view=lanes&status=error"))
    page.get_by_role("button", name="Save view").click()
    page.get_by_role("textbox", name="Name").fill("Broken")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.locator(".views-tab[aria-current]")).to_contain_text("Broken")
    late = LatePage(page, page.url)
    page.get_by_role("button", name="Actions for view").click()
    page.get_by_role("button", name="Share").click()
    with page.expect_response("**/share"):
        late.let_scripts_come()
    assert SavedView.objects.get(name="Broken").is_shared


def test_a_button_of_our_own_scripts_pressed_early_works_when_they_are_here(open_page: SignIn) -> None:
    late = LatePage(open_page("/404"), "/")
    late.page.get_by_role("button", name="Find").click()
    late.let_scripts_come()
    expect(late.page.locator("#palette")).to_be_visible()


def test_a_choice_made_before_the_scripts_are_here_counts_when_they_are(open_page: SignIn) -> None:
    make_plan(TWO_STEPS)
    make_plan(TWO_STEPS.replace("echo 1", "echo 3"))
    late = LatePage(open_page("/404"), "/plans/two")
    late.page.get_by_label("Version").select_option("1")
    late.let_scripts_come()
    expect(late.page).to_have_url(re.compile(r"version=1"))


def test_a_step_opened_before_the_scripts_are_here_is_fetched_when_they_are(open_page: SignIn) -> None:
    run = start(TWO_STEPS)
    late = LatePage(open_page("/404"), f"/runs/{run.pk}")
    late.page.locator("#step-first summary").click()
    late.let_scripts_come()
    expect(late.page.locator("#step-first [data-unfetched]")).to_have_count(0)


def test_a_link_that_moves_while_it_is_pressed_is_clicked(open_page: SignIn) -> None:
    version = make_plan()
    for _ in range(33):
        start(version=version, lane="A")
    page = live(open_page())
    press(page, page.get_by_role("link", name="Show more"))
    page.evaluate("document.querySelector('.more').style.paddingTop = '100px'")
    page.mouse.up()
    expect(page.locator(".card")).to_have_count(33)


def _by_news(run: Run, page: Page) -> None:
    claimed(run)
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "running")


def _by_another_board(run: Run, page: Page) -> None:
    page.evaluate("htmx.ajax('GET', '/', {target: '#board', select: '#board', swap: 'outerHTML'})")


@pytest.mark.parametrize("replace", [_by_news, _by_another_board])
def test_a_button_that_is_replaced_while_it_is_pressed_is_clicked(
    open_page: SignIn, replace: Callable[[Run, Page], None]
) -> None:
    run = start()
    page = live(open_page())
    press(page, page.locator(CANCEL))
    page.evaluate("window.pressed = document.querySelector('.card')")
    replace(run, page)
    page.wait_for_function("!window.pressed.isConnected")
    with page.expect_response("**/cancel") as answer:
        page.mouse.up()
    assert answer.value.ok


def test_whoever_leaves_a_button_while_it_is_pressed_has_not_clicked_it(open_page: SignIn) -> None:
    start()
    page = live(open_page())
    press(page, page.get_by_role("button", name="Find"))
    page.get_by_role("heading", name="A", exact=True).hover()
    page.mouse.up()
    expect(page.locator("#palette")).to_be_hidden()


def test_what_was_swapped_in_works_at_once(open_page: SignIn) -> None:
    run = start()
    page = live(open_page())
    page.evaluate(
        """css => htmx.ajax("GET", "/", { target: "#board", select: "#board", swap: "outerHTML" })
             .then(() => document.querySelector(css).click())""",
        CANCEL,
    )
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "cancelled")
