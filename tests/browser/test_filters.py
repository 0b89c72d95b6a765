from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from runs.commands import cancel
from tests.browser.pages import live
from tests.factories import make_actor, make_plan, make_run, make_session, start

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def test_a_pill_narrows_the_board_and_back_widens_it_again(open_page: SignIn) -> None:
    failed, done = make_run(status="error"), make_run(status="success")
    page = live(open_page())
    page.locator("#pill-error").click()
    page.wait_for_url("**/?view=lanes&status=error")
    expect(page.locator(f"#run-{done.pk}")).to_have_count(0)
    expect(page.locator(f"#run-{failed.pk}")).to_be_visible()
    expect(page.locator("#pill-error")).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(page.locator(f"#run-{done.pk}")).to_be_visible()
    expect(page.locator("#pill-all")).to_have_attribute("aria-current", "true")


def test_a_shared_link_shows_the_same(open_page: SignIn) -> None:
    failed, done = make_run(status="error", title="Deploy"), make_run(status="success", title="Deploy")
    page = live(open_page())
    page.locator("#pill-error").click()
    page.locator("#search").fill("deploy")
    page.wait_for_url("**/?view=lanes&status=error&q=deploy")
    other = live(open_page(page.url, role="viewer"))
    expect(other.locator("#search")).to_have_value("deploy")
    expect(other.locator(f"#run-{failed.pk}")).to_be_visible()
    expect(other.locator(f"#run-{done.pk}")).to_have_count(0)


def test_searching_as_one_types_keeps_the_field_and_makes_one_step_of_history(open_page: SignIn) -> None:
    wanted, other = make_run(title="Rotate the keys"), make_run(title="Nightly report")
    page = live(open_page("/?view=lanes"))
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("rot", delay=350)
    page.keyboard.type("ate")
    page.wait_for_url("**/?view=lanes&q=rotate")
    expect(page.locator(f"#run-{other.pk}")).to_have_count(0)
    expect(page.locator(f"#run-{wanted.pk}")).to_be_visible()
    expect(page.locator("#search")).to_be_focused()
    expect(page.locator("#search")).to_have_value("rotate")
    page.go_back()
    expect(page.locator(f"#run-{other.pk}")).to_be_visible()
    expect(page.locator("#search")).to_have_value("")


def test_a_run_that_stops_matching_leaves_and_one_that_matches_comes(open_page: SignIn) -> None:
    leaving = start(title="Leaving")
    page = live(open_page("/?view=lanes&status=queued"))
    expect(page.locator(f"#run-{leaving.pk}")).to_be_visible()
    cancel(str(leaving.pk), actor=make_actor())
    expect(page.locator(f"#run-{leaving.pk}")).to_have_count(0)
    coming = start(title="Coming")
    expect(page.locator(f"#run-{coming.pk}")).to_be_visible()
    expect(page.locator("#pill-cancelled")).to_contain_text("1")


def test_live_updates_follow_the_filter_that_is_on_now(open_page: SignIn) -> None:
    start(title="Something")
    page = live(open_page("/?view=lanes"))
    page.locator("#search").fill("deploy")
    page.wait_for_url("**q=deploy")
    expect(page.locator("#light")).to_have_text("live")
    other, wanted = start(title="Report"), start(title="Deploy the shop")
    expect(page.locator(f"#run-{wanted.pk}")).to_be_visible()
    expect(page.locator(f"#run-{other.pk}")).to_have_count(0)


def test_a_menu_offers_values_with_counts_and_stays_open_for_several(open_page: SignIn, picture: Picture) -> None:
    one, two = make_run(environment="dev", status="success"), make_run(environment="prod", status="success")
    page = live(open_page("/?view=table"))
    page.locator("#pick-head-environment").click()
    box = page.get_by_label("prod")
    expect(page.locator("#pick-environment .pick-value").filter(has_text="prod")).to_contain_text("1")
    picture(page, "filter-menu")
    box.check()
    page.wait_for_url("**environment=prod")
    expect(page.locator(f"#run-{one.pk}")).to_have_count(0)
    page.get_by_label("dev").check()
    page.wait_for_url("**environment=dev&environment=prod")
    expect(page.locator(f"#run-{one.pk}")).to_be_visible()
    expect(page.locator(f"#run-{two.pk}")).to_be_visible()
    expect(page.locator("#pick-head-environment")).to_contain_text("2")
    page.keyboard.press("Escape")
    expect(page.locator("#pick-environment")).not_to_have_attribute("open", "")
    expect(page.locator("#pick-head-environment")).to_be_focused()


@pytest.mark.parametrize("width", [360, 820, 1280])
def test_each_menu_opens_within_the_screen(open_page: SignIn, width: int) -> None:
    start()
    page = live(open_page(width=width))
    for menu in page.locator(".pick").all():
        menu.locator("summary").click()
        expect(menu.locator(".pick-value").first).to_be_visible()
        box = menu.locator(".pick-body").bounding_box()
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_search_statuses_and_menus_stand_in_one_row(open_page: SignIn) -> None:
    for status in ("success", "error", "cancelled"):
        make_run(status=status)
    page = live(open_page(width=1280))
    parts = page.locator(".find, .pills, .picks")
    middles = parts.evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map((box) => box.y + box.height / 2)"
    )
    assert max(middles) - min(middles) < 3


def test_the_menu_of_sessions_leads_to_their_page_once(open_page: SignIn) -> None:
    start()
    page = live(open_page())
    page.locator("#pick-head-session").click()
    page.get_by_role("link", name="Manage sessions").click()
    page.wait_for_url("**/sessions")


def test_a_long_menu_finds_its_values(open_page: SignIn) -> None:
    sessions = [make_session(f"night shift {number}") for number in range(12)]
    start(session="default")
    page = live(open_page("/?view=lanes"))
    page.locator("#pick-head-session").click()
    expect(page.locator("#find-session")).to_be_visible()
    expect(page.locator("#pick-session .htmx-added, #pick-session .htmx-settling")).to_have_count(0)
    page.locator("#find-session").press_sequentially("shift 11")
    expect(page.locator("#pick-session .pick-value")).to_have_count(1)
    page.get_by_label("night shift 11").check()
    page.wait_for_url(f"**session={sessions[11].pk}")
    expect(page.locator(".active-pill")).to_contain_text("night shift 11")


def test_what_is_on_is_taken_away_pill_by_pill_or_at_once(open_page: SignIn) -> None:
    run = make_run(status="success", title="Report")
    page = live(open_page("/?view=table&environment=prod&lane=A&q=deploy"))
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    page.get_by_role("link", name="Remove the filter Environment prod").click()
    page.wait_for_url("**/?view=table&lane=A&q=deploy")
    page.get_by_role("link", name="Clear all").click()
    page.wait_for_url("**/?view=table")
    expect(page.locator("#search")).to_have_value("")
    expect(page.locator(f"#run-{run.pk}")).to_be_visible()


def test_nothing_matches_is_told_from_nothing_yet(open_page: SignIn) -> None:
    page = live(open_page())
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    start()
    expect(page.get_by_role("heading", name="No runs yet")).to_be_hidden()
    page.locator("#search").fill("zzz")
    expect(page.get_by_role("heading", name="No runs match")).to_be_visible()
    expect(page.locator(".board-empty")).to_contain_text("Title: “zzz”")
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator(".card")).to_have_count(1)


def test_a_filter_that_means_nothing_is_said(open_page: SignIn) -> None:
    start()
    page = open_page("/?status=foo")
    expect(page.locator(".notice").first).to_contain_text("Status “foo” not found")
    expect(page.locator(".card")).to_have_count(0)
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator(".card")).to_have_count(1)


def test_archived_runs_are_shown_on_demand(open_page: SignIn) -> None:
    run = make_run(status="success", archived_at=timezone.now())
    page = live(open_page())
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    page.get_by_role("switch", name="Show archived").click()
    page.wait_for_url("**archived=1")
    expect(page.locator(f"#run-{run.pk}")).to_be_visible()
    expect(page.get_by_role("switch", name="Show archived")).to_have_attribute("aria-checked", "true")


def test_the_view_is_kept_while_filters_change(open_page: SignIn) -> None:
    make_run(status="error")
    page = live(open_page())
    page.get_by_role("link", name="Table").click()
    page.wait_for_url("**/?view=table")
    page.locator("#pill-error").click()
    page.wait_for_url("**/?view=table&status=error")
    expect(page.locator(".table .row")).to_have_count(1)
    page.get_by_role("link", name="Timeline").click()
    page.wait_for_url("**/?view=timeline&range=1h&status=error")
    expect(page.locator(".bar-run")).to_have_count(1)


def test_a_table_of_three_hundred_rows_is_read_page_by_page(open_page: SignIn, picture: Picture) -> None:
    version = make_plan()
    runs = [start(version=version) for _ in range(300)]
    page = live(open_page("/?view=table"))
    expect(page.locator(".row")).to_have_count(100)
    picture(page, "table")
    for shown in (200, 300):
        page.get_by_role("link", name="Show more").click()
        expect(page.locator(".row")).to_have_count(shown)
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    assert page.locator(".row").last.get_attribute("data-run") == str(runs[0].pk)
    assert len(set(page.locator(".row").evaluate_all("rows => rows.map((row) => row.id)"))) == 300
    head = page.locator(".table th").first.bounding_box()
    assert head is not None
    assert 0 <= head["y"] < 100  # it stays in sight


def test_a_new_row_comes_on_top_and_changes_in_its_place(open_page: SignIn) -> None:
    start()
    page = live(open_page("/?view=table"))
    run = start(title="Brand new")
    expect(page.locator("#rows > tr").first).to_contain_text("Brand new")
    cancel(str(run.pk), actor=make_actor())
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "cancelled")
    expect(page.locator("#rows > tr")).to_have_count(2)


def test_a_button_in_a_row_answers_with_the_row(open_page: SignIn) -> None:
    run = make_run(status="error", steps={"greet": "error"})
    page = live(open_page("/?view=table"))
    page.locator(f"#run-{run.pk}").hover()
    page.locator(f"#run-{run.pk}").get_by_role("button", name="Retry").click()
    expect(page.locator(f"tr#run-{run.pk}")).to_have_attribute("data-status", "queued")
    expect(page.locator("#rows > :not(tr)")).to_have_count(0)


def test_the_time_line_draws_bars_that_do_not_overlap_and_follows(open_page: SignIn, picture: Picture) -> None:
    now, version = timezone.now(), make_plan()
    for minutes in (50, 49, 30):
        begun = now - timedelta(minutes=minutes)
        times = {
            "created_at": begun,
            "queued_at": begun,
            "started_at": begun,
            "finished_at": begun + timedelta(minutes=9),
        }
        make_run(version=version, status="success", **times)
    page = live(open_page("/?view=timeline"))
    expect(page.locator(".bar-run")).to_have_count(3)
    boxes = page.locator(".bar-worked").evaluate_all(
        "all => all.map((bar) => { const box = bar.getBoundingClientRect(); return [box.left, box.right, box.top]; })"
    )
    assert all(a[1] <= b[0] or b[1] <= a[0] or a[2] != b[2] for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    first = page.locator(".bar-run").first
    first.focus()
    start(title="Just now")
    expect(page.get_by_role("link", name="Just now: queued")).to_be_attached()
    expect(page.locator(".bar-run:focus")).to_have_count(1)
    picture(page, "timeline")
    page.get_by_role("link", name="6h").click()
    page.wait_for_url("**range=6h")
    expect(page.locator(".bar-run")).to_have_count(4)
    page.locator(".bar-run").last.click()
    page.wait_for_url("**/runs/*")


@pytest.mark.parametrize("view", ["lanes", "table", "timeline"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_is_wider_than_the_screen(
    open_page: SignIn, picture: Picture, *, view: str, width: int, theme: str
) -> None:
    make_run(
        title="W" * 300, status="error", reason="x" * 400, lane="a lane whose name has fifty characters, or nearly"
    )
    start(title="In line")
    page = live(open_page(f"/?view={view}&environment=dev&q=%20", role="admin", width=width, theme=theme))
    picture(page, f"board-{view}-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
