"""The page of a run: its graph, its waterfall, its steps, and what failed first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from runs.models import Attempt, Run
from runs.transitions.locked_run import lock_run
from tests.factories import make_run, put_step, start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import drive, run_plan

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn

BREAKS = """
pulser: 1
slug: breaks
title: Nightly build of the firmware
retry: {max_attempts: 1}
params: {type: object, properties: {board: {type: string, default: nrf52}, jobs: {type: integer, default: 4}}}
steps:
  - id: checkout
    uses: shell
    with: {run: 'echo "commit=abc" >> "$PULSER_OUTPUT"'}
    outputs: {commit: {type: string}}
  - id: compile
    needs: [checkout]
    uses: shell
    with: {run: "true", env: {COMMIT: "{{ steps.checkout.outputs.commit }}"}}
  - id: test
    needs: [compile]
    uses: shell
    with: {run: "echo AssertionError >&2; exit 3"}
    retry: {max_attempts: 3, initial: 1s}
  - {id: package, needs: [test], uses: shell, with: {run: "true"}}
  - {id: upload, needs: [package], uses: shell, with: {run: "true"}}
finally:
  - {id: tidy, uses: shell, with: {run: "true"}}
"""


def fan(number: int) -> str:
    shards = "".join(
        f"  - {{id: shard-{one:03d}, needs: [split], uses: shell, with: {{run: 'true'}}}}\n" for one in range(number)
    )
    return (
        f"pulser: 1\nslug: fan-{number}\ntitle: Fan\n"
        f"steps:\n  - {{id: split, uses: shell, with: {{run: 'true'}}}}\n{shards}"
    )


def live(page: Page) -> Page:
    expect(page.locator("#light")).to_have_text("live")
    return page


def tell(run: Run, kind: str, step: str, **data: object) -> None:
    with lock_run(str(run.pk)) as locked:
        locked.emit(kind, step=step, attempt=1, **data)


def test_a_step_opens_with_its_attempts_inputs_and_outputs(open_page: SignIn) -> None:
    page = live(open_page(f"/runs/{run_plan(BREAKS).pk}"))
    page.locator("#step-compile > details > summary").click()
    expect(page.locator("#step-compile .tree").first).to_be_visible()
    page.locator("#step-compile").get_by_text("Inputs").click()
    expect(page.locator("#step-compile .tree").last).to_contain_text("COMMIT")
    expect(page.locator("#step-compile .tree").last).to_contain_text("abc")


def test_an_address_opens_the_step_that_it_names(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}#step-test")
    expect(page.locator("#step-test .picker a")).to_have_count(3)
    expect(page.locator("#step-test")).to_be_in_viewport()


def test_an_earlier_attempt_is_picked(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}#step-test")
    page.locator("#step-test .picker a").first.click()
    expect(page.locator("#step-test .attempts")).to_contain_text("Attempt 1 of 3")
    expect(page.locator("#step-test .attempts")).to_contain_text("First attempt")


def test_the_first_failure_is_named_and_what_followed_is_folded(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}")
    expect(page.locator(".cause")).to_contain_text("First failure: step test, attempt 3")
    expect(page.locator(".cause summary")).to_have_text("2 steps were skipped because of it")
    expect(page.locator("#node-test")).to_have_class("node is-first")
    expect(page.locator("#step-package")).to_be_hidden()
    page.get_by_role("checkbox", name="Show skipped").check()
    expect(page.locator("#step-package")).to_be_visible()


def test_a_link_leads_to_a_step_that_is_folded_away(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}")
    page.locator("#node-upload a").click()
    expect(page.locator("#step-upload")).to_be_visible()
    expect(page.locator("#step-upload > details")).to_have_attribute("open", "")


def test_graph_and_list_change_while_one_watches(open_page: SignIn) -> None:
    run = start(BREAKS)
    page = live(open_page(f"/runs/{run.pk}"))
    expect(page.locator("#node-checkout")).to_have_attribute("data-status", "pending")
    drive(run)
    expect(page.locator("#node-checkout")).to_have_attribute("data-status", "success")
    expect(page.locator("#node-test")).to_have_attribute("data-status", "error")
    expect(page.locator("#node-upload")).to_have_attribute("data-status", "skipped")
    expect(page.locator(".cause")).to_contain_text("First failure: step test, attempt 3")
    expect(page.locator("#step-package")).to_be_hidden()
    expect(page.locator("#node-checkout .name")).to_be_in_viewport()


def test_a_node_tells_how_long_it_has_been_running(open_page: SignIn) -> None:
    run = start(BREAKS)
    put_step(run, "checkout", "running")
    Attempt.objects.create(
        step=run.steps.get(key="checkout"), number=1, started_at=timezone.now() - timedelta(minutes=3)
    )
    word = live(open_page(f"/runs/{run.pk}")).locator("#node-checkout .word")
    expect(word).to_contain_text("running · 3 m 0")
    shown = word.text_content()
    expect(word).not_to_have_text(str(shown))
    expect(word).to_contain_text("running · 3 m")


def test_the_first_file_appears_while_one_watches(open_page: SignIn) -> None:
    note = {"path": "note.txt", "kind": "file"}
    run = start(plan(shell("write", "echo hello > note.txt", artifacts=[note])))
    page = live(open_page(f"/runs/{run.pk}"))
    files = page.get_by_role("region", name="Artifacts")
    expect(files).to_contain_text("No artifacts yet")
    drive(run)
    expect(files.get_by_text("note.txt")).to_be_visible()
    expect(files.get_by_role("heading")).to_have_text("Artifacts 1")


def test_a_run_that_ends_without_files_says_so(open_page: SignIn) -> None:
    run = start(plan(shell("write", "true")))
    page = live(open_page(f"/runs/{run.pk}"))
    files = page.get_by_role("region", name="Artifacts")
    expect(files).to_contain_text("No artifacts yet")
    drive(run)
    expect(files).to_contain_text("No artifacts")


def test_the_waterfall_follows_the_run(open_page: SignIn) -> None:
    run = start(BREAKS)
    page = live(open_page(f"/runs/{run.pk}?map=waterfall"))
    expect(page.locator("#waterfall")).to_contain_text("No steps have run yet")
    drive(run)
    expect(page.locator("#waterfall li")).to_have_count(4)
    expect(page.locator("#waterfall li", has_text="test").locator("rect.running")).to_have_count(3)
    page.locator("#bar-test").click()
    expect(page.locator("#step-test > details")).to_have_attribute("open", "")


def test_the_map_is_kept_in_the_address(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}")
    page.get_by_role("link", name="Waterfall").click()
    expect(page.locator("#waterfall li").first).to_be_visible()
    page.reload()
    expect(page.locator("#waterfall li").first).to_be_visible()


def test_what_is_open_stays_open_and_is_read_anew(open_page: SignIn) -> None:
    run = drive(start(BREAKS))
    page = live(open_page(f"/runs/{run.pk}#step-checkout"))
    expect(page.locator("#step-checkout .tree").first).to_contain_text("abc")
    put_step(run, "checkout", "success", outputs={"commit": "def"})
    page.locator("#step-checkout").evaluate("step => step.dataset.old = ''")
    tell(run, "step.succeeded", "checkout", outputs={})
    expect(page.locator("#step-checkout")).not_to_have_attribute("data-old", "")
    expect(page.locator("#step-checkout > details")).to_have_attribute("open", "")
    expect(page.locator("#step-checkout .tree").first).to_contain_text("def")


def test_a_fan_out_is_folded_counts_live_and_unfolds(open_page: SignIn) -> None:
    run = make_run(status="running", source=fan(200))
    page = live(open_page(f"/runs/{run.pk}"))
    expect(page.locator("[data-graph] .node")).to_have_count(2)
    put_step(run, "shard-007", "error", attempt=1, reason="it broke")
    tell(run, "step.failed", "shard-007", reason="it broke", error_class="failed", exit_code=1)
    expect(page.locator(".fan")).to_contain_text("1 error")
    page.locator(".fan a").click()
    expect(page.locator("[data-graph] .node")).to_have_count(201)
    expect(page.locator("#node-shard-007")).to_have_attribute("data-status", "error")
    page.get_by_role("link", name="Collapse").click()
    expect(page.locator("[data-graph] .node")).to_have_count(2)


def test_the_graph_is_zoomed_by_keyboard_and_buttons(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}")
    view, shown = page.locator("[data-graph]"), page.locator("[data-zoom-shown]")
    view.focus()
    page.keyboard.press("0")
    wide = page.locator("svg.graph").bounding_box()
    page.keyboard.press("-")
    expect(shown).to_have_text("80 %")
    narrow = page.locator("svg.graph").bounding_box()
    assert wide is not None
    assert narrow is not None
    assert narrow["width"] < wide["width"]
    page.get_by_role("button", name="Zoom in").click()
    expect(shown).to_have_text("100 %")
    page.get_by_role("button", name="Fit").click()


def test_zoom_and_choice_stay_while_one_travels_in_time(open_page: SignIn) -> None:
    page = live(open_page(f"/runs/{run_plan(BREAKS).pk}"))
    page.get_by_role("button", name="Zoom out").click()
    page.get_by_role("checkbox", name="Show skipped").check()
    shown = page.locator("[data-zoom-shown]").text_content()
    page.locator('[data-slide="-1"]').click()
    expect(page.locator("#then")).to_contain_text("As of event")
    expect(page.locator("[data-zoom-shown]")).to_have_text(str(shown))
    expect(page.locator("#step-package")).to_be_visible()


def test_a_node_shows_what_it_needs_and_what_needs_it(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}")
    page.locator("#node-compile a").focus()
    expect(page.locator("svg.graph")).to_have_class("graph is-lit")
    lit = page.locator("[data-graph] [data-n].is-on .name").all_text_contents()
    assert set(lit) == {"checkout", "compile", "test", "package", "upload"}


def test_steps_of_one_status_are_shown_alone(open_page: SignIn) -> None:
    run = make_run(status="running", source=fan(30))
    put_step(run, "shard-003", "error", attempt=1)
    page = open_page(f"/runs/{run.pk}")
    page.locator("label[for=only-error]").click()
    expect(page.locator(".step:visible")).to_have_count(1)
    page.locator("label[for=only-all]").click()
    expect(page.locator(".step:visible")).to_have_count(31)


def test_a_thousand_steps_are_usable(open_page: SignIn) -> None:
    steps = "".join(
        f"  - {{id: n{one:04d}, needs: [n{max(0, one - 1 - one % 7):04d}], uses: shell, with: {{run: 'true'}}}}\n"
        for one in range(1, 1000)
    )
    first = "pulser: 1\nslug: thousand\ntitle: T\nsteps:\n  - {id: n0000, uses: shell, with: {run: 'true'}}\n"
    page = live(open_page(f"/runs/{make_run(status='running', source=first + steps).pk}"))
    page.locator("#step-n0000 > details > summary").click()
    page.locator("#step-n0000 .tree").wait_for()  # `expect` would look at every element of the page for its report
    page.get_by_role("button", name="Fit").click()
    page.locator("#node-n0999").wait_for(state="attached")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("shown", ["graph", "waterfall"])
def test_the_page_fits_the_screen(open_page: SignIn, picture: Picture, width: int, theme: str, shown: str) -> None:
    page = live(open_page(f"/runs/{run_plan(BREAKS).pk}?map={shown}#step-test", width=width, theme=theme))
    expect(page.locator("#step-test .attempts")).to_be_visible()
    picture(page, f"runpage-{shown}-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_the_steps_come_before_the_map(open_page: SignIn) -> None:
    page = open_page(f"/runs/{run_plan(BREAKS).pk}", width=360)
    steps, shown = page.locator(".pane-steps").bounding_box(), page.locator("#map").bounding_box()
    assert steps is not None
    assert shown is not None
    assert steps["y"] < shown["y"]


def test_keys_of_a_hundred_letters_and_a_run_that_waits_fit(open_page: SignIn, picture: Picture) -> None:
    key = "a" + "-long" * 19 + "-end"
    source = f"pulser: 1\nslug: long\ntitle: Long\nsteps:\n  - {{id: {key}, uses: shell, with: {{run: 'true'}}}}\n"
    source += f"  - {{id: b, needs: [{key}], uses: shell, with: {{run: 'true'}}}}\n"
    page = open_page(f"/runs/{make_run(source=source).pk}", width=360)
    picture(page, "runpage-long-keys")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(open_page: SignIn, theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    run = run_plan(BREAKS)
    for shown in ("graph", "waterfall"):
        page = live(open_page(f"/runs/{run.pk}?map={shown}#step-test", theme=theme))
        expect(page.locator("#step-test .attempts")).to_be_visible()
        found = Axe().run(page).response["violations"]
        mine = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in mine] == []
