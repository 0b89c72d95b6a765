"""What stands around every page: theme, zone, keyboard, palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from runs.commands import cancel
from runs.models import Run, Worker
from tests.factories import make_actor, make_run, make_worker, start

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def live(page: Page) -> Page:
    expect(page.locator("#light")).to_have_text("live")
    return page


def test_the_theme_is_remembered(open_page: SignIn) -> None:
    page = open_page()
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert 'data-theme="dark"' in page.content()


def test_times_are_in_the_viewers_zone_which_is_named(open_page: SignIn) -> None:
    make_worker()
    Worker.objects.update(started_at="2026-01-10T11:02:03Z")
    page = open_page("/health", zone="Europe/Berlin")
    expect(page.get_by_text("2026-01-10 12:02:03 CET")).to_be_visible()
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("button", name="UTC").click()
    expect(page.get_by_text("2026-01-10 11:02:03 UTC")).to_be_visible()


def test_the_cursor_moves_over_runs_and_opens_one(open_page: SignIn) -> None:
    older, newer = start(title="Older"), start(title="Newer")
    page = live(open_page())
    page.keyboard.press("j")
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(newer.pk))
    page.keyboard.press("j")
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(older.pk))
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{newer.pk}")


def test_cancel_by_key_asks_first(open_page: SignIn) -> None:
    run = start(title="Dear one")
    page = live(open_page())
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.locator("#ask")).to_contain_text("Cancel “Dear one”?")
    page.keyboard.press("Escape")
    assert Run.objects.get(pk=run.pk).status == "queued"
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Keep running")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "cancelled")


def test_a_run_is_archived_by_key_and_brought_back(open_page: SignIn) -> None:
    run = make_run(status="success", title="Done with")
    page = live(open_page())
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.locator(f"#run-{run.pk}")).to_be_visible()


def test_what_was_done_last_is_undone_by_key(open_page: SignIn) -> None:
    first, last = (make_run(status="success", title=title) for title in ("First", "Last"))
    page = live(open_page())
    for run in (first, last):
        page.locator(f"#run-{run.pk}").get_by_role("link").first.focus()
        page.keyboard.press("a")
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
        expect(page.locator("#toasts")).to_contain_text(f"{run.title} archived")
    page.keyboard.press("u")
    expect(page.locator(f"#run-{last.pk}")).to_be_visible()
    expect(page.locator(f"#run-{first.pk}")).to_have_count(0)


def test_a_key_does_nothing_to_a_run_that_nobody_chose(open_page: SignIn) -> None:
    run = make_run(status="error", steps={"greet": "error"})
    page = live(open_page())
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Next")
    expect(page.locator("#keys")).not_to_contain_text("Archive")
    page.keyboard.press("Escape")
    for key in "rac":
        page.keyboard.press(key)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    run.refresh_from_db()
    assert run.status == "error"


def test_sideways_leads_to_what_stands_beside(open_page: SignIn) -> None:
    left, right = [start(lane="A") for _ in range(3)], [start(lane="B") for _ in range(3)]
    page = live(open_page())
    for key in "jjl":
        page.keyboard.press(key)
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(right[1].pk))
    page.keyboard.press("h")
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(left[1].pk))


def test_the_cursor_stays_in_its_place_when_its_run_leaves(open_page: SignIn) -> None:
    older, newer = start(title="Older"), start(title="Newer")
    page = live(open_page("/?status=queued"))
    page.keyboard.press("j")
    page.keyboard.press("/")
    cancel(str(newer.pk), actor=make_actor())
    expect(page.locator(f"#run-{newer.pk}")).to_have_count(0)
    expect(page.locator("[data-cursor]")).to_have_attribute("data-run", str(older.pk))
    expect(page.locator("#search")).to_be_focused()


def test_keys_do_nothing_while_one_types(open_page: SignIn) -> None:
    run = make_run(status="success")
    page = live(open_page())
    page.keyboard.press("j")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("ac?")
    expect(page.locator("#search")).to_have_value("ac?")
    assert Run.objects.get(pk=run.pk).archived_at is None


def test_the_sheet_shows_only_what_works_here(open_page: SignIn) -> None:
    make_run(status="success")
    page = live(open_page())
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Search")
    expect(page.locator(".keys-hint")).to_contain_text("Go to a run")
    page.keyboard.press("Escape")
    page.goto("/health")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Command palette")
    expect(page.locator(".keys-hint")).to_be_hidden()
    expect(page.locator("#keys")).not_to_contain_text("Search")


def test_the_palette_finds_a_run_and_opens_it(open_page: SignIn) -> None:
    run = start(title="Rotate the keys")
    page = live(open_page())
    page.keyboard.press("Control+k")
    page.keyboard.type("rotate")
    expect(page.locator("#palette-found")).to_contain_text("Rotate the keys")
    expect(page.locator("#palette-found [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{run.pk}")


def test_the_palette_does_what_can_be_done_with_the_run_under_the_cursor(open_page: SignIn) -> None:
    run = make_run(status="success")
    page = live(open_page())
    page.keyboard.press("j")
    page.keyboard.press("Control+k")
    page.keyboard.type("archive")
    expect(page.locator("#palette [aria-selected=true]")).to_contain_text("Archive")
    page.keyboard.press("Enter")
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)


def test_one_goes_to_a_place_by_two_keys(open_page: SignIn) -> None:
    page = live(open_page())
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url("**/health")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_health_fits_the_screen(open_page: SignIn, picture: Picture, width: int, theme: str) -> None:
    make_worker("a worker with a long name")
    make_run(status="success")
    page = open_page("/health", width=width, theme=theme)
    picture(page, f"health-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/?view=table", "/?view=timeline", "/plans/", "/inbox", "/sessions", "/health"])
def test_axe_finds_nothing_serious(open_page: SignIn, path: str, theme: str) -> None:
    make_worker()
    make_run(status="error", title="Broken", steps={"greet": "error"})
    make_run(status="running", steps={"greet": "running"})
    start(title="Queued")
    page = open_page(path, role="admin", theme=theme)
    assert serious(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_run_and_a_plan(open_page: SignIn, theme: str) -> None:
    run = make_run(status="error", steps={"greet": "error"})
    page = open_page(f"/runs/{run.pk}", role="admin", theme=theme)
    assert serious(page) == []
    page.goto(f"/plans/{run.plan_version.plan.slug}/")
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, each with the first element that it names."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]
