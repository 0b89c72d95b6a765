"""Menus, toasts, and what a head of a lane and a card say in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import live
from tests.factories import make_lane, make_run, start

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn

REASON = "The warehouse is being moved until 20:00 on Sunday; " * 6 + "ask Frida"


def tab_until(page: Page, is_over: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate(is_over):
            return
    raise AssertionError(f"not so after thirty tabs: {is_over}")


def choose(page: Page, name: str) -> None:
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("button", name=name, exact=True).click()
    page.keyboard.press("Escape")


def test_a_menu_of_filters_closes_when_tab_leaves_it(open_page: SignIn) -> None:
    start()
    page = live(open_page("/"))
    page.locator("#pick-head-environment").press("Enter")
    expect(page.locator("#pick-environment .pick-value").first).to_be_visible()
    tab_until(page, "!document.activeElement.closest('#pick-environment')")
    expect(page.locator("details.pick[open]")).to_have_count(0)


def test_a_menu_of_the_bar_closes_when_tab_leaves_it(open_page: SignIn) -> None:
    page = live(open_page("/"))
    page.get_by_role("button", name="Menu of").press("Enter")
    expect(page.locator("#menu")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#menu")).to_be_visible()
    tab_until(page, "!document.activeElement.closest('#menu')")
    expect(page.locator("#menu")).to_be_hidden()


def test_ages_become_dates_and_stay_so(open_page: SignIn, picture: Picture) -> None:
    now = datetime.now(UTC)
    made = (now - timedelta(days=1)).replace(hour=12, minute=34, second=0, microsecond=0)
    old = make_run(status="success", created_at=made)
    new = make_run(status="success", created_at=now - timedelta(seconds=1))
    page = live(open_page("/?view=table"))
    expect(page.locator(f"#run-{old.pk} .c-age")).to_contain_text("ago")
    choose(page, "Date")
    shown = page.locator(f"#run-{old.pk} .c-age")
    expect(shown).to_have_text(made.strftime("%m-%d %H:%M" if made.year == now.year else "%Y-%m-%d"))
    expect(page.locator(f"#run-{new.pk} .c-age")).to_have_text(re.compile(r"^(\d\d:\d\d:\d\d|\d\d-\d\d \d\d:\d\d)$"))
    picture(page, "times-as-dates")
    page.reload()
    expect(shown).not_to_contain_text("ago")
    run = start()
    expect(page.locator(f"#run-{run.pk} .c-age")).to_have_text(re.compile(r"\d\d:\d\d"))
    choose(page, "Age")
    expect(shown).to_contain_text("ago")


def test_dates_are_told_in_the_chosen_zone(open_page: SignIn) -> None:
    made = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
    run = make_run(status="success", created_at=made)
    page = live(open_page("/?view=table", zone="Asia/Kolkata"))
    choose(page, "Date")
    expect(page.locator(f"#run-{run.pk} .c-age")).to_have_text(re.compile("17:30|^20"))
    choose(page, "UTC")
    expect(page.locator(f"#run-{run.pk} .c-age")).to_have_text(re.compile("12:00|^20"))


def test_runs_are_found_from_one_moment_until_another(open_page: SignIn, picture: Picture) -> None:
    at = {name: make_run(status="success") for name in ("before", "in it", "after")}
    for name, hour in (("before", 9), ("in it", 10), ("after", 11)):
        type(at[name]).objects.filter(pk=at[name].pk).update(created_at=datetime(2026, 3, 2, hour, 30, tzinfo=UTC))
    page = live(open_page("/?view=table&within=today", zone="Europe/Berlin"))
    page.locator("#pick-head-within").click()
    page.get_by_label("From").fill("2026-03-02T11:00")
    page.get_by_label("Before").fill("2026-03-02T12:00")
    picture(page, "filter-times")
    page.get_by_label("Before").press("Enter")
    page.wait_for_url("**/?view=table&since=2026-03-02T10%3A00%3A00Z&until=2026-03-02T11%3A00%3A00Z")
    expect(page.locator("[data-run]")).to_have_count(1)
    expect(page.locator(f"#run-{at['in it'].pk}")).to_be_visible()
    expect(page.locator("#active")).to_contain_text("From 2026-03-02 11:00:00 CET")
    expect(page.locator("details.pick[open]")).to_have_count(0)
    expect(page.locator("#pick-head-within")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("any time").check()
    page.wait_for_url("**/?view=table")
    expect(page.locator("[data-run]")).to_have_count(3)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_fields_of_a_time_are_read_whole(open_page: SignIn, width: int) -> None:
    start()
    page = live(open_page("/", width=width))
    page.locator("#pick-head-within").click()
    field = page.get_by_label("From")
    expect(field).to_be_visible()
    assert field.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_server_that_is_away_is_told_once_and_until_it_is_back(open_page: SignIn) -> None:
    start()
    page = live(open_page("/"))
    page.route("**/*", lambda route: route.abort())  # any answer would say that it is back
    ask = "document.body.dispatchEvent(new CustomEvent('board-changed'))"
    for _ in range(3):
        with page.expect_event("requestfailed"):
            page.evaluate(ask)
    expect(page.locator(".toast")).to_have_count(1)
    expect(page.locator(".toast")).to_contain_text("cannot be reached")
    page.unroute("**/*")
    page.evaluate(ask)
    expect(page.locator(".toast")).to_have_count(0)


def test_whoever_has_no_role_is_told_so_once_by_the_page(open_page: SignIn) -> None:
    page = open_page("/", role="")
    expect(page.get_by_role("heading", name="No access")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".toast")).to_have_count(0)


@pytest.mark.parametrize("view", ["lanes", "table"])
def test_an_archived_run_says_so_in_a_word(open_page: SignIn, view: str, picture: Picture) -> None:
    gone = make_run(status="success", archived_at=datetime.now(UTC))
    here = make_run(status="success")
    page = live(open_page(f"/?view={view}&archived=1"))
    expect(page.locator(f"#run-{gone.pk}")).to_contain_text("archived")
    expect(page.locator(f"#run-{here.pk}")).not_to_contain_text("archived")
    picture(page, f"archived-{view}")


def test_a_long_reason_of_a_pause_can_be_read_and_stays_open(open_page: SignIn, picture: Picture) -> None:
    for name in "BCD":
        make_lane(name)
    lane = make_lane("A", paused=True, paused_reason=REASON, paused_by="olivia", paused_at=datetime.now(UTC))
    page = live(open_page("/"))
    head = page.locator(f"#lane-{lane.pk}")
    text = head.locator(".lane-paused summary span").last
    height = text.bounding_box()["height"]
    head.locator(".lane-paused summary").press("Enter")
    expect(head.locator(".lane-paused[open]")).to_be_visible()
    assert text.bounding_box()["height"] > 3 * height
    picture(page, "lane-reason")
    with page.expect_response("**/board/counts*"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('board-changed'))")
    expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)
    expect(head.locator(".lane-paused[open]")).to_be_visible()
    expect(head.locator(".lane-paused summary")).to_be_focused()
    type(lane).objects.filter(pk=lane.pk).update(paused_reason="Something else")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('board-changed'))")
    expect(head).to_contain_text("Something else")


def test_cards_do_not_show_beside_the_head_that_they_scroll_under(open_page: SignIn) -> None:
    for _ in range(20):
        make_run(status="success")
    page = live(open_page("/"))
    page.mouse.wheel(0, 400)
    expect(page.locator(".card").first).not_to_be_in_viewport()
    head = page.locator(".lane-head").first
    shadow = head.evaluate("one => getComputedStyle(one).boxShadow")
    assert shadow.count("1px 0px 0px 0px") == 2


def test_what_is_typed_at_once_is_not_lost(open_page: SignIn) -> None:
    """Enter comes as soon as the dialog has the focus, before htmx has settled."""
    lane = make_lane("A")
    page = live(open_page("/"))
    page.evaluate(
        """document.addEventListener("htmx:afterSwap", ({ target }) => {
            if (target.id === "dialog") target.querySelector("form")?.requestSubmit();
        })"""
    )
    page.get_by_role("button", name="Pause lane A").click()
    expect(page.locator(f"#lane-{lane.pk}")).to_contain_text("paused")


def test_a_menu_takes_back_what_it_gave(open_page: SignIn) -> None:
    make_run(environment="dev", status="success")
    page = live(open_page("/?view=table&environment=dev&within=1h"))
    page.locator("#pick-head-environment").click()
    page.get_by_label("dev").uncheck()
    page.wait_for_url("**/?view=table&within=1h")
    page.locator("#pick-head-within").click()
    page.get_by_label("yesterday").check()
    page.wait_for_url("**/?view=table&within=yesterday")
    page.get_by_label("any time").check()
    page.wait_for_url("**/?view=table")
