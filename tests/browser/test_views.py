"""Saved views in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils import timezone
from playwright.sync_api import Page, expect

from runs.models import SavedView
from runs.queries.lists.zone import start_of_day
from tests.controlroom.web.live.sockets import tell
from tests.factories import make_run, put_step, start

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def live(page: Page) -> Page:
    expect(page.locator("#light")).to_have_text("live")
    return page


def save(page: Page, name: str) -> SavedView:
    page.get_by_role("button", name="Save view").click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.locator(".views-tab[aria-current]")).to_contain_text(name)
    return SavedView.objects.get(name=name)


def test_a_view_is_saved_with_a_badge_that_counts_live(open_page: SignIn, picture: Picture) -> None:
    make_run(status="error")
    page = live(open_page("/?view=table&status=error&status=queued"))
    view = save(page, "To look at")
    badge = page.locator(f"#badge-view-{view.pk}")
    expect(badge).to_have_text("1")
    picture(page, "saved-view")
    start(lane="A")
    expect(badge).to_have_text("2")


def test_a_changed_view_is_marked_and_saved(open_page: SignIn) -> None:
    page = live(open_page("/?view=lanes&status=error"))
    view = save(page, "Broken")
    page.get_by_role("link", name="Timeline").click()
    expect(page.locator(f"#tab-view-{view.pk}")).to_contain_text("modified")
    page.locator(".views-verbs").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(f"#tab-view-{view.pk}")).not_to_contain_text("modified")
    assert SavedView.objects.get(pk=view.pk).query == "view=timeline&range=1h&status=error"


def test_tabs_lead_from_view_to_view_and_back(open_page: SignIn) -> None:
    done, failed = make_run(status="success"), make_run(status="error")
    page = live(open_page("/?view=lanes"))
    page.locator("#tab-failed").click()
    expect(page.locator(f"#run-{done.pk}")).to_have_count(0)
    expect(page.locator("#tab-failed")).to_have_attribute("aria-current", "page")
    expect(page.locator(f"#run-{failed.pk}")).to_be_visible()
    page.go_back()
    expect(page.locator(f"#run-{done.pk}")).to_be_visible()
    expect(page.locator("#tab-all")).to_have_attribute("aria-current", "page")


def test_today_is_the_day_of_whoever_looks(open_page: SignIn) -> None:
    """Days begin at 10:00 UTC in Kiritimati and at 11:00 in Niue: what was made as the earlier one began is in that."""
    began = {zone: start_of_day(timezone.now(), zone) for zone in ("Pacific/Kiritimati", "Pacific/Niue")}
    earlier, later = sorted(began, key=lambda zone: began[zone])
    run = make_run(status="success", created_at=began[earlier])
    pages = {zone: live(open_page("/?view=table", zone=zone)) for zone in began}
    for zone, shown in ((earlier, 1), (later, 0)):
        page = pages[zone]
        page.locator("#tab-today").click()
        expect(page.locator("#tab-today")).to_have_attribute("aria-current", "page")
        expect(page).to_have_url(re.compile("within=today$"))
        expect(page.locator(f"#run-{run.pk}")).to_have_count(shown)
        expect(page.locator("#badge-today")).to_have_text(str(shown))
    pages[later].goto(pages[earlier].url)
    expect(pages[later].locator("#tab-today")).to_have_attribute("aria-current", "page")
    expect(pages[later].locator(f"#run-{run.pk}")).to_have_count(0)


def test_what_waits_for_a_person_has_a_view_and_leaves_it_when_it_is_decided(
    open_page: SignIn, picture: Picture
) -> None:
    asks, sleeps = make_run(status="waiting", title="Release"), make_run(status="waiting", title="Later")
    put_step(asks, "greet", "waiting", wait_message="Release it?")
    put_step(sleeps, "greet", "waiting", wait_kind="timer", wait_role="")
    page = live(open_page("/?view=table"))
    page.locator("#tab-person").click()
    expect(page.locator(f"#run-{asks.pk}")).to_be_visible()
    expect(page.locator(f"#run-{sleeps.pk}")).to_have_count(0)
    expect(page.locator("#badge-person")).to_have_text("1")
    expect(page.locator("#active")).to_contain_text("Waits for a person")
    picture(page, "views-person")
    put_step(asks, "greet", "success")
    tell(asks)
    expect(page.locator(f"#run-{asks.pk}")).to_have_count(0)
    expect(page.locator("#badge-person")).to_have_text("0")


def menu(page: Page, item: str) -> None:
    page.get_by_role("button", name="Actions for").click()
    page.locator("#view-menu").get_by_role("button", name=item).click()


def test_a_deleted_view_comes_back_from_the_toast(open_page: SignIn) -> None:
    page = live(open_page("/?view=lanes&status=error"))
    view = save(page, "Broken")
    menu(page, "Delete")
    expect(page.locator(f"#tab-view-{view.pk}")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#tab-view-{view.pk}")).to_be_visible()


def test_a_view_is_renamed_and_a_taken_name_is_said_in_the_dialog(open_page: SignIn) -> None:
    page = live(open_page("/?view=lanes&status=error"))
    SavedView.objects.create(owner=save(page, "Broken").owner, name="Taken")
    menu(page, "Rename")
    page.get_by_role("textbox", name="Name").fill("Taken")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("you already have a view Taken")
    page.get_by_role("textbox", name="Name").fill("Mine")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.locator(".views-tab[aria-current]")).to_contain_text("Mine")


def test_a_shared_view_is_seen_by_somebody_else(open_page: SignIn) -> None:
    page = live(open_page("/?view=lanes&status=error"))
    view = save(page, "Broken")
    menu(page, "Share with everyone")
    expect(page.locator(".toast")).to_contain_text("Broken is shared with everyone")
    theirs = live(open_page("/", role="viewer"))
    theirs.locator(f"#tab-view-{view.pk}").click()
    expect(theirs.locator(f"#tab-view-{view.pk}")).to_have_attribute("aria-current", "page")
    expect(theirs.get_by_role("button", name="Actions for")).to_have_count(0)


def test_the_board_opens_with_the_default_view(open_page: SignIn) -> None:
    page = live(open_page("/?view=lanes&status=error"))
    view = save(page, "Broken")
    menu(page, "Set as default")
    expect(page.locator(".toast")).to_contain_text("Broken is the default view")
    page.goto("/")
    expect(page.locator(f"#tab-view-{view.pk}")).to_have_attribute("aria-current", "page")
    page.locator("#tab-all").click()
    expect(page.locator("#tab-all")).to_have_attribute("aria-current", "page")


def test_many_tabs_do_not_widen_a_phone(open_page: SignIn, picture: Picture) -> None:
    page = live(open_page("/?view=lanes&status=error", width=360, theme="dark"))
    owner = save(page, "Broken").owner
    SavedView.objects.bulk_create(SavedView(owner=owner, name=f"View number {n} of many") for n in range(20))
    page.reload()
    expect(page.locator("#badge-all")).not_to_be_empty()
    expect(page.locator(".views-tab[aria-current]")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, "views-phone")
