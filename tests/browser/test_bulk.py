"""Several runs at once, and pausing a lane, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connections
from playwright.sync_api import Page, expect

from runs.bulk import work as bulk_work
from runs.execution.worker_loop import run_worker_loop
from runs.models import Lane, Run
from tests.browser.pages import live
from tests.factories import make_lane, make_run, start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import WAIT_S, run_plan, step_of

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn

FAILS = plan(shell("no", "exit 3", retry=ONCE))


def tick(page: Page, run: Run) -> None:
    page.locator(f"#run-{run.pk} .tick").check(force=True)


def bar(page: Page) -> Any:
    return page.locator("#bulk")


def start_by_the_bar(page: Page, name: str, *, of_all: bool = False) -> Run:
    """The run of work that this button started. What all that match are meant for is asked once more."""
    bar(page).get_by_role("button", name=name, exact=True).click()
    if of_all:
        expect(page.locator("#ask")).to_contain_text(f"{name} all ")
        page.locator("#ask").get_by_role("button", name=name).click()
    expect(page.locator(".toast")).to_contain_text("running")
    return Run.objects.get(plan_version__plan__slug="bulk")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A worker in a thread that does one run of the bulk work, and the rest when it is let go."""
    go_on, begun = threading.Event(), threading.Event()
    act = bulk_work._do_one

    def one_by_one(*args: Any, **wanted: Any) -> None:
        if begun.is_set():
            assert go_on.wait(WAIT_S)
        begun.set()
        act(*args, **wanted)

    def at_work() -> None:
        try:
            run_worker_loop()
        finally:
            connections.close_all()

    monkeypatch.setattr(bulk_work, "_do_one", one_by_one)
    monkeypatch.setattr("pulser.kernel.progress.INTERVAL", 0.0)
    worker = threading.Thread(target=at_work)

    def let_go() -> None:
        if not worker.ident:
            worker.start()
        else:
            go_on.set()
            worker.join(WAIT_S)

    yield let_go
    go_on.set()
    if worker.ident:
        worker.join(WAIT_S)


def test_failed_runs_that_match_run_again_in_one_go(
    open_page: SignIn, held: Callable[[], None], picture: Picture
) -> None:
    failed = [run_plan(FAILS, title=f"Nightly {number}") for number in range(3)]
    make_run(status="success", title="Fine")
    make_lane("A", paused=True)
    page = live(open_page("/?view=table&status=error"))

    tick(page, failed[0])
    expect(bar(page)).to_contain_text("1 selected")
    bar(page).get_by_role("button", name="Select all 3 that match").click()
    expect(bar(page)).to_contain_text("All 3 that match")
    picture(page, "bulk-bar")
    bulk = start_by_the_bar(page, "Retry", of_all=True)
    expect(bar(page)).to_be_hidden()
    page.get_by_role("link", name="Show run").click()
    expect(page.get_by_role("heading", name="Retry 3 failed runs")).to_be_visible()

    held()  # the worker begins
    expect(page.locator("#step-work")).to_contain_text("1 of 3")
    picture(page, "bulk-progress")
    held()  # and goes on to the end

    expect(page.locator("#run-head")).to_have_attribute("data-status", "success")
    assert step_of(bulk, "work").outputs["result"]["done"] == 3
    assert {run.status for run in Run.objects.filter(pk__in=[run.pk for run in failed])} == {"queued"}


def test_the_report_tells_what_was_skipped_and_why(open_page: SignIn) -> None:
    failed, done = run_plan(FAILS), make_run(status="success", title="All is well")
    make_lane("A", paused=True)
    page = live(open_page("/?view=table"))
    tick(page, failed)
    tick(page, done)
    bulk = start_by_the_bar(page, "Retry")

    run_worker_loop()

    page.goto(f"/runs/{bulk.pk}")
    expect(page.locator("main")).to_contain_text("report.md")
    result = step_of(bulk, "work").outputs["result"]
    assert result["summary"] == "1 of 2 done, 1 skipped"
    assert [one["title"] for one in result["skipped"]] == ["All is well"]


def test_shift_ticks_everything_between(open_page: SignIn) -> None:
    runs = [make_run(status="success") for _ in range(5)]
    page = live(open_page("/?view=table"))
    tick(page, runs[-1])
    page.locator(f"#run-{runs[1].pk} .tick").click(force=True, modifiers=["Shift"])
    expect(bar(page)).to_contain_text("4 selected")
    bar(page).get_by_role("button", name="Clear").click()
    expect(bar(page)).to_be_hidden()
    assert page.locator(".tick:checked").count() == 0


def test_what_is_taken_out_of_all_that_match_leaves_the_ticked_ones(open_page: SignIn) -> None:
    runs = [make_run(status="success") for _ in range(3)]
    page = live(open_page("/?view=table"))
    tick(page, runs[0])
    bar(page).get_by_role("button", name="that match").click()
    expect(bar(page)).to_contain_text("All 3 that match")
    expect(page.locator(".tick:checked")).to_have_count(3)
    expect(bar(page).get_by_role("button", name="Retry")).to_be_focused()
    page.locator(f"#run-{runs[2].pk} .tick").uncheck(force=True)
    expect(bar(page)).to_contain_text("2 selected")
    bulk = start_by_the_bar(page, "Archive")
    assert sorted(bulk.params["runs"]) == sorted(str(run.pk) for run in runs[:2])


def test_other_filters_begin_with_nothing_ticked(open_page: SignIn) -> None:
    run = make_run(status="success")
    page = live(open_page("/?view=table"))
    tick(page, run)
    page.locator("#tab-failed").click()
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    expect(bar(page)).to_be_hidden()


def test_archived_runs_leave_the_board_one_after_the_other(open_page: SignIn) -> None:
    runs = [make_run(status="success") for _ in range(2)]
    page = live(open_page("/"))
    for run in runs:
        tick(page, run)
    start_by_the_bar(page, "Archive")
    run_worker_loop()
    for run in runs:
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)


def test_what_was_archived_in_one_go_comes_back_by_the_toast(open_page: SignIn, picture: Picture) -> None:
    runs = [make_run(status="success", title=f"Nightly {number}") for number in range(3)]
    before = make_run(status="success", title="Archived before", archived_at=runs[0].created_at)
    page = live(open_page("/?view=table"))
    tick(page, runs[0])
    bar(page).get_by_role("button", name="Select all 3 that match").click()
    start_by_the_bar(page, "Archive", of_all=True)
    run_worker_loop()
    done = page.locator(".toast", has_text="Archive 3 runs: 3 of 3 done")
    expect(done.get_by_role("button", name="Undo")).to_be_visible()
    for run in runs:
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    picture(page, "bulk-undo")

    page.keyboard.press("u")
    expect(page.locator(".toast", has_text="Undo: Archive 3 runs: running")).to_be_visible()
    run_worker_loop()

    for run in runs:
        expect(page.locator(f"#run-{run.pk}")).to_be_visible()
    expect(page.locator(f"#run-{before.pk}")).to_have_count(0)
    expect(page.locator(".toast", has_text="Undo: Archive 3 runs: 3 of 3 done")).to_be_visible()
    expect(page.locator("#bulk-watch > *")).to_have_count(0)


def test_a_phone_shows_how_it_ended_in_one_line_and_what_to_do_below(open_page: SignIn, picture: Picture) -> None:
    run = make_run(status="success")
    page = live(open_page("/", width=360, theme="dark"))
    tick(page, run)
    start_by_the_bar(page, "Archive")
    run_worker_loop()
    done = page.locator(".toast", has_text="Archive 1 run: 1 of 1 done")
    said, undo = done.locator("span").bounding_box(), done.get_by_role("button", name="Undo").bounding_box()
    assert said and undo
    assert undo["y"] >= said["y"] + said["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, "bulk-undo-phone")


def test_bulk_work_is_undone_from_its_page(open_page: SignIn, picture: Picture) -> None:
    runs = [make_run(status="success") for _ in range(2)]
    page = live(open_page("/"))
    for run in runs:
        tick(page, run)
    start_by_the_bar(page, "Archive")
    page.get_by_role("link", name="Show run").click()
    live(page)
    head = page.locator("#run-head")
    expect(head.get_by_role("button", name="Undo")).to_have_count(0)
    run_worker_loop()
    expect(head).to_have_attribute("data-status", "success")
    picture(page, "bulk-undo-page")
    head.get_by_role("button", name="Undo").click()
    expect(head.get_by_role("button", name="Undo")).to_have_count(0)
    expect(head).to_contain_text("Child runs")
    run_worker_loop()
    assert not Run.objects.filter(pk__in=[run.pk for run in runs]).archived().exists()


def test_cancelling_many_is_asked_once_more(open_page: SignIn) -> None:
    run = start(lane="A")
    page = live(open_page("/"))
    tick(page, run)
    bar(page).get_by_role("button", name="Cancel").click()
    expect(page.locator("#ask")).to_contain_text("Cancel 1 selected run? Running steps are stopped.")
    page.get_by_role("button", name="Keep running").click()
    assert Run.objects.count() == 1
    bar(page).get_by_role("button", name="Cancel").click()
    page.locator("#ask").get_by_role("button", name="Cancel").click()
    expect(page.locator(".toast")).to_contain_text("Cancel 1 run: running")


def test_a_viewer_finds_no_boxes_and_no_bar(open_page: SignIn) -> None:
    make_run(status="success")
    page = live(open_page("/", role="viewer"))
    assert page.locator(".tick:visible").count() == 0
    expect(bar(page)).to_be_hidden()


def test_a_paused_lane_and_its_reason_are_seen_by_everybody(open_page: SignIn, picture: Picture) -> None:
    lane = make_lane("A")
    mine, theirs = live(open_page("/")), live(open_page("/", role="viewer"))
    head = f"#lane-{lane.pk}"

    mine.locator(head).get_by_role("button", name="Pause lane A").click()
    mine.get_by_label("Reason").fill("Database maintenance")
    picture(mine, "lane-pause")
    mine.get_by_role("dialog").get_by_role("button", name="Pause").click()

    for page in (mine, theirs):
        expect(page.locator(head)).to_contain_text("paused")
        expect(page.locator(head)).to_contain_text("Database maintenance")
    expect(theirs.locator(head).get_by_role("button")).to_have_count(0)

    mine.locator(head).get_by_role("button", name="Resume lane A").click()
    expect(mine.locator(head)).not_to_contain_text("Database maintenance")
    assert not Lane.objects.get(pk=lane.pk).paused


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bar_and_dialogs_can_be_used_by_everybody(open_page: SignIn, theme: str) -> None:
    run = make_run(status="error")
    page = live(open_page("/?view=table", theme=theme))
    tick(page, run)
    bar(page).get_by_role("button", name="Select all 1 that match").click()
    expect(bar(page)).to_contain_text("All 1 that match")
    assert serious(page) == []
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in {"serious", "critical"}
    ]


def test_a_phone_has_room_for_the_bar(open_page: SignIn, picture: Picture) -> None:
    run = make_run(status="error", title="x" * 500)
    page = live(open_page("/", width=360, theme="dark"))
    tick(page, run)
    expect(bar(page)).to_be_visible()
    box = bar(page).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    picture(page, "bulk-phone")
