"""By keyboard alone: several runs at once, the palette, taking back, and where the focus is afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from runs.commands import unarchive
from runs.execution.worker_loop import run_worker_loop
from runs.models import Run
from tests.browser.pages import live
from tests.factories import ASKS, make_actor, make_lane, make_run, start
from tests.runs.helpers import drive

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def done(number: int) -> list[Run]:
    """So many successful runs, the newest first, as the board has them."""
    return [make_run(status="success", title=f"Nightly {place}") for place in range(number)][::-1]


def look_for(page: Page, text: str) -> None:
    """Open the palette, and type; the server has answered to all of it."""
    page.keyboard.press("Control+k")
    with page.expect_response(lambda answer: parse_qs(urlsplit(answer.url).query).get("q") == [text]):
        page.keyboard.type(text)


def first(page: Page) -> Locator:
    """What Enter would take."""
    return page.locator("#palette [aria-selected=true]")


# --- several runs ---


def test_a_verb_means_the_ticked_runs_and_asks_before_it_is_done(open_page: SignIn, picture: Picture) -> None:
    newest, second, third = done(3)
    page = live(open_page("/"))
    press(page, "j", "x", "j", "x", "j", "a")
    expect(page.locator("#ask")).to_contain_text("Archive 2 selected runs?")
    picture(page, "keys-ask")
    page.keyboard.press("Escape")
    assert Run.objects.archived().count() == 0
    assert not Run.objects.filter(plan_version__plan__slug="bulk").exists()

    press(page, "a", "Enter")
    expect(page.locator(".toast")).to_contain_text("Archive 2 runs: running")
    run_worker_loop()
    for run in (newest, second):
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    assert set(Run.objects.archived()) == {newest, second}
    expect(page.locator(f"#run-{third.pk}").get_by_role("link")).to_be_focused()


def test_a_key_leads_to_the_bar_and_escape_back(open_page: SignIn) -> None:
    newest, _ = done(2)
    page = live(open_page("/?view=table"))
    page.keyboard.press("b")
    expect(page.locator("#bulk")).to_be_hidden()
    press(page, "j", "x", "b")
    expect(page.locator("#bulk").get_by_role("button", name="Retry")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(f"#run-{newest.pk}").get_by_role("link")).to_be_focused()


def test_the_sheet_says_what_keys_mean_while_runs_are_ticked(open_page: SignIn) -> None:
    done(2)
    page = live(open_page("/"))
    press(page, "j", "?")
    expect(page.locator("#keys")).not_to_contain_text("selected runs")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    press(page, "x", "j", "x", "?")
    for words in (
        "Retry 2 selected runs",
        "Archive 2 selected runs",
        "Cancel 2 selected runs",
        "Go to the bulk actions",
    ):
        expect(page.locator("#keys")).to_contain_text(words)


def test_ticked_runs_that_are_archived_are_restored(open_page: SignIn) -> None:
    (run,) = done(1)
    Run.objects.filter(pk=run.pk).update(archived_at=run.created_at)
    page = live(open_page("/?archived=1"))
    press(page, "j", "x", "a")
    expect(page.locator("#ask")).to_contain_text("Unarchive 1 selected run?")


def test_all_that_match_are_ticked_and_asked_about(open_page: SignIn) -> None:
    done(3)
    page = live(open_page("/?view=table"))
    press(page, "j", "x")
    look_for(page, "select all")
    expect(page.locator("#palette [aria-selected=true]")).to_contain_text("Select all")
    page.keyboard.press("Enter")
    expect(page.locator("#bulk")).to_contain_text("All 3 that match")
    expect(page.locator(".tick:checked")).to_have_count(3)
    expect(page.locator("#bulk").get_by_role("button", name="Retry")).to_be_focused()
    press(page, "Tab", "Tab", "Enter")
    expect(page.locator("#ask")).to_contain_text("Archive all 3 runs that match?")
    expect(page.locator("#ask").get_by_role("button", name="Cancel")).to_be_focused()
    press(page, "Tab", "Enter")
    expect(page.locator(".toast")).to_contain_text("Archive 3 runs: running")
    bulk = Run.objects.get(plan_version__plan__slug="bulk")
    assert bulk.params.get("runs", []) == []


def test_the_palette_offers_what_can_be_done_with_ticked_runs(open_page: SignIn) -> None:
    done(2)
    page = live(open_page("/"))
    press(page, "j", "x", "j", "x")
    look_for(page, "archive")
    expect(first(page)).to_contain_text("Archive 2 selected runs")
    page.keyboard.press("Enter")
    expect(page.locator("#ask")).to_contain_text("Archive 2 selected runs?")


def test_that_it_is_under_way_is_not_said_beside_that_it_is_done(open_page: SignIn) -> None:
    done(1)
    page = live(open_page("/"))
    press(page, "j", "x", "a", "Enter")
    expect(page.locator(".toast")).to_contain_text("running")
    run_worker_loop()
    expect(page.locator(".toast")).to_contain_text("1 of 1 done")
    expect(page.locator(".toast")).to_have_count(1)


def test_a_viewer_is_offered_no_tick(open_page: SignIn) -> None:
    done(1)
    page = live(open_page("/", role="viewer"))
    press(page, "j", "?")
    expect(page.locator("#keys")).to_contain_text("Open")
    expect(page.locator("#keys")).not_to_contain_text("Select")


# --- taking back ---


def test_what_was_archived_is_taken_back_after_its_toast_has_gone(open_page: SignIn) -> None:
    (run,) = done(1)
    page = live(open_page("/"))
    press(page, "j", "a")
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    page.get_by_role("button", name="Dismiss").click()
    live(page.goto("/?view=table") and page)
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("Nightly 0 archived")
    assert Run.objects.archived().exists()
    page.keyboard.press("u")
    expect(page.locator(f"#run-{run.pk}")).to_be_visible()


def test_bulk_work_is_taken_back_after_its_toast_has_gone(open_page: SignIn) -> None:
    runs = done(2)
    page = live(open_page("/"))
    press(page, "j", "x", "j", "x", "a", "Enter")
    expect(page.locator(".toast")).to_contain_text("running")
    run_worker_loop()
    expect(page.locator(".toast")).to_contain_text("2 of 2 done")
    page.get_by_role("button", name="Dismiss").click()
    press(page, "u", "u")
    expect(page.locator(".toast").last).to_contain_text("Undo: Archive 2 runs")
    run_worker_loop()
    for run in runs:
        expect(page.locator(f"#run-{run.pk}")).to_be_visible()


def test_bulk_work_is_taken_back_by_key_on_its_page_and_once(open_page: SignIn) -> None:
    runs = done(2)
    page = live(open_page("/"))
    press(page, "j", "x", "j", "x", "a", "Enter")
    expect(page.locator(".toast")).to_contain_text("running")
    run_worker_loop()
    bulk = Run.objects.get(plan_version__plan__slug="bulk")
    live(page.goto(f"/runs/{bulk.pk}") and page)
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("Undo: Archive 2 runs: running")
    run_worker_loop()
    assert not Run.objects.archived().filter(pk__in=[run.pk for run in runs]).exists()


def test_that_it_is_taken_back_already_is_said(open_page: SignIn) -> None:
    (run,) = done(1)
    mine = live(open_page("/"))
    press(mine, "j", "a")
    expect(mine.locator(".toast")).to_contain_text("archived")
    unarchive(str(run.pk), actor=make_actor())
    mine.keyboard.press("u")
    expect(mine.locator('.toast[data-tone="refused"]')).to_contain_text("not archived")


def test_that_there_is_nothing_to_take_back_is_said(open_page: SignIn) -> None:
    page = live(open_page("/"))
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("Nothing to undo")


# --- the palette ---


def test_what_ends_work_comes_last_and_asks_with_no_in_front(open_page: SignIn) -> None:
    run = start(title="Dear one")
    page = live(open_page(f"/runs/{run.pk}"))
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-found [role=option]").first).to_be_visible()
    expect(page.locator("#palette [role=option]").last).to_contain_text("Cancel")
    expect(first(page)).not_to_contain_text("Cancel")
    with page.expect_response("**/palette?q=cancel"):
        page.keyboard.type("cancel")
    expect(first(page)).to_contain_text("Cancel")
    press(page, "Enter", "Enter")
    expect(page.locator("#ask")).to_be_hidden()
    run.refresh_from_db()
    assert (run.status, run.is_cancelling) == ("queued", False)


def test_a_question_is_found_and_not_decided(open_page: SignIn) -> None:
    run = drive(start(ASKS))
    page = live(open_page(f"/runs/{run.pk}"))
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-here [role=option]").first).to_contain_text("Approve sign-off")
    with page.expect_response("**/palette?q=reject"):
        page.keyboard.type("reject")
    expect(first(page)).to_contain_text("Reject sign-off")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Reject", exact=True)).to_be_focused()
    expect(page.get_by_role("button", name="Reject", exact=True)).to_be_in_viewport()
    run.refresh_from_db()
    assert run.status == "waiting"


def test_of_the_inbox_the_chosen_question_is_found(open_page: SignIn) -> None:
    drive(start(ASKS, title="One")), drive(start(ASKS, title="Two"))
    page = open_page("/inbox")
    expect(page.locator(".question")).to_have_count(2)
    look_for(page, "approve")
    expect(page.locator("#palette-here [role=option]")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#palette input")).not_to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("[data-cursor]")).to_have_count(1)
    look_for(page, "approve")
    expect(page.locator("#palette-here [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("[data-cursor]").get_by_role("button", name="Approve")).to_be_focused()


def test_a_viewer_finds_no_question_to_decide(open_page: SignIn) -> None:
    run = drive(start(ASKS))
    page = live(open_page(f"/runs/{run.pk}", role="viewer"))
    look_for(page, "reject")
    expect(page.locator("#palette-here [role=option]")).to_have_count(0)


def test_a_lane_is_paused_and_resumed_by_name_from_any_page(open_page: SignIn) -> None:
    lane = make_lane("A")
    page = open_page("/plans/")
    look_for(page, "pause lane a")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("maintenance")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Lane A paused")
    look_for(page, "resume lane a")
    page.keyboard.press("Enter")
    expect(page.locator(".toast").last).to_contain_text("Lane A resumed")
    lane.refresh_from_db()
    assert not lane.paused


def test_theme_and_times_are_chosen_in_the_palette(open_page: SignIn) -> None:
    page = open_page("/plans/")
    look_for(page, "dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    look_for(page, "times utc")
    page.keyboard.press("Enter")
    assert "zone=utc" in page.evaluate("document.cookie")


def test_one_signs_out_by_the_palette(open_page: SignIn) -> None:
    page = open_page("/plans/")
    look_for(page, "sign out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login*")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("save view", "Save this view"),
        ("show archived", "Show archived runs"),
        ("table", "Show as table"),
        ("filter plan", "Filter by plan"),
        ("keyboard", "Keyboard"),
        ("api", "Go to API"),
        ("today", "Today"),
    ],
)
def test_what_the_board_has_is_found_in_the_palette(open_page: SignIn, text: str, says: str) -> None:
    start()
    page = live(open_page("/?view=lanes&status=queued"))
    look_for(page, text)
    expect(first(page)).to_contain_text(says)


def test_two_runs_are_compared_from_the_palette(open_page: SignIn) -> None:
    run = make_run(status="success")
    page = live(open_page(f"/runs/{run.pk}"))
    look_for(page, "compare")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/compare?*")


# --- where the focus is afterwards ---


def test_after_a_card_was_archived_by_its_button_its_neighbour_has_the_focus(open_page: SignIn) -> None:
    newest, second, third = done(3)
    page = live(open_page("/"))
    press(page, "j", "j", "Tab")
    expect(page.locator(f"#run-{second.pk}").get_by_role("button", name="Archive")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"#run-{second.pk}")).to_have_count(0)
    expect(page.locator(f"#run-{third.pk}").get_by_role("link")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(f"#run-{newest.pk}").get_by_role("link")).to_be_focused()


def test_after_a_retry_the_focus_stays_on_its_card(open_page: SignIn) -> None:
    make_lane("A", paused=True)
    run = make_run(status="error", steps={"greet": "error"})
    page = live(open_page("/?view=table"))
    press(page, "j", "Tab")
    expect(page.locator(f"#run-{run.pk}").get_by_role("button", name="Retry")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "queued")
    expect(page.locator(f"#run-{run.pk} :focus")).to_have_count(1)
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(run.pk))


def test_after_pause_and_resume_the_focus_is_on_the_button_that_undoes_it(open_page: SignIn) -> None:
    make_lane("A")
    page = live(open_page("/"))
    page.get_by_role("button", name="Pause lane A").press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume lane A")).to_be_focused()
    expect(page.locator(".htmx-added, .htmx-settling")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause lane A")).to_be_focused()


def test_other_filters_put_the_cursor_on_no_run_that_nobody_chose(open_page: SignIn) -> None:
    failed = make_run(status="error", steps={"greet": "error"})
    done(1)
    page = live(open_page("/"))
    page.keyboard.press("j")
    page.locator("#pill-error").click()
    page.wait_for_url("**status=error")
    expect(page.locator("[data-run]")).to_have_count(1)
    page.keyboard.press("a")
    page.keyboard.press("j")
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(failed.pk))
    assert not Run.objects.archived().exists()


def test_a_board_that_is_drawn_anew_keeps_cursor_and_focus(open_page: SignIn) -> None:
    newest, _ = done(2)
    page = live(open_page("/"))
    page.keyboard.press("j")
    page.evaluate("htmx.ajax('GET', location.href, {target: '#board', select: '#board', swap: 'outerHTML'})")
    expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(newest.pk))
    expect(page.locator(f"#run-{newest.pk}").get_by_role("link")).to_be_focused()
