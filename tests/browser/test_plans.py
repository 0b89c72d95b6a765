"""The page of a plan: its graph is seen from end to end, and where it cannot be, one sees that there is more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.factories import make_plan, make_session
from tests.runs.execution.plans import plan, shell

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def chain(number: int) -> str:
    """The address of a plan whose steps follow one another."""
    steps = [shell(f"step-{one}", "true", needs=[f"step-{one - 1}"] if one else []) for one in range(number)]
    make_session()
    return f"/plans/{make_plan(plan(*steps)).plan.slug}/"


def overflow(page: Page) -> int:
    """How many pixels of the graph are beyond its right edge."""
    return int(page.locator("[data-graph]").evaluate("box => box.scrollWidth - box.clientWidth"))


def shown(page: Page) -> int:
    """The zoom in percent, which is 100 until the graph is looked at."""
    zoom = page.locator("[data-zoom-shown]")
    expect(zoom).not_to_have_text("100 %")
    return int(str(zoom.text_content()).removesuffix(" %"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_wide_graph_is_seen_from_end_to_end(open_page: SignIn, picture: Picture, theme: str) -> None:
    page = open_page(chain(6), theme=theme)
    assert 65 <= shown(page) < 100
    assert overflow(page) <= 0
    picture(page, f"plan-wide-{theme}")


def test_a_small_graph_has_its_own_size(open_page: SignIn) -> None:
    page = open_page(chain(2))
    assert overflow(page) <= 0
    expect(page.locator("[data-zoom-shown]")).to_have_text("100 %")


def test_a_graph_too_wide_to_be_read_begins_at_its_start(open_page: SignIn, picture: Picture) -> None:
    page = open_page(chain(30))
    assert shown(page) == 65
    assert overflow(page) > 0
    assert page.locator("[data-graph]").evaluate("box => box.scrollLeft") == 0
    picture(page, "plan-very-wide")
    page.get_by_role("button", name="Fit").click()
    expect(page.locator("[data-zoom-shown]")).to_have_text("20 %")
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator("[data-zoom-shown]")).to_have_text("25 %")


def test_a_phone_shows_the_graph_and_its_zoom(open_page: SignIn, picture: Picture) -> None:
    page = open_page(chain(6), width=360)
    page.locator("[data-graph]").scroll_into_view_if_needed()
    assert shown(page) == 65
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Fit").click()
    expect(page.locator("[data-zoom-shown]")).not_to_have_text("65 %")
    assert overflow(page) <= 0
    picture(page, "plan-phone")


FIELDS = {f"field_{number}": {"type": "string"} for number in range(12)}
GROUP = {"type": "object", "properties": {"cpu": {"type": "number"}}}
PARAMS = {
    "type": "object",
    "properties": FIELDS | {"limits": GROUP, "names": {"type": "array", "items": {"type": "string"}}},
}


def form() -> str:
    """The address of a plan with more params than there is room for."""
    make_session()
    return f"/plans/{make_plan(plan(shell('one', 'true'), params=PARAMS)).plan.slug}/"


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_that_has_the_focus_stands_behind_the_start_bar(open_page: SignIn, width: int) -> None:
    page = open_page(form(), width=width)
    page.get_by_label("field_0").focus()
    edges = """() => [document.activeElement, document.querySelector(".start .end")].map((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return { top, bottom, isStart: one.textContent.trim() === "Start" };
    })"""
    for _ in range(25):
        focused, bar = page.evaluate(edges)
        if focused["isStart"]:
            return
        assert focused["bottom"] <= bar["top"]
        page.keyboard.press("Tab")
    pytest.fail("Start was not reached")


def test_groups_are_in_line_with_the_fields(open_page: SignIn) -> None:
    page = open_page(form())
    left = "label => Math.round(label.getBoundingClientRect().left)"
    labels = [page.locator(f"[data-field='p.{name}'] :is(label, legend)").first for name in ("field_0", "names")]
    assert labels[0].evaluate(left) == labels[1].evaluate(left)


def test_a_phone_shows_all_of_each_step(open_page: SignIn, picture: Picture) -> None:
    long = shell("a-step-with-a-long-name-that-goes-on", "true", title="And-a-title-without-an-end" * 3)
    after = shell("after", "true", needs=[long["id"]], verify=[{"exit_code": 0}], effect="irreversible")
    make_session()
    page = open_page(f"/plans/{make_plan(plan(long, after)).plan.slug}/", width=360, theme="dark")
    table = page.locator(".plan-steps")
    assert table.evaluate("table => table.parentElement.scrollWidth <= table.parentElement.clientWidth")
    for text in ("irreversible", "exit_code"):
        cell = page.get_by_role("cell", name=text)
        assert 0 < cell.evaluate("cell => cell.getBoundingClientRect().right") <= 360
    picture(page, "plan-steps-phone")


def test_long_names_in_a_form_stay_on_a_phone(open_page: SignIn, picture: Picture) -> None:
    endless = {"type": "string", "title": "Title" * 20, "description": "x" * 200, "default": "y" * 200}
    make_session()
    document = plan(shell("one", "true"), params={"type": "object", "properties": {"p": endless}}, title="Name" * 40)
    slug = make_plan(document).plan.slug
    for path in (f"/plans/{slug}/", "/plans/"):
        page = open_page(path, width=360)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        picture(page, f"plan-long-phone{len(path)}")


def test_for_a_viewer_enter_makes_a_link_to_send(open_page: SignIn) -> None:
    page = open_page(form(), role="viewer")
    expect(page.get_by_role("button", name="Start")).to_have_count(0)
    page.get_by_label("field_0").fill("here")
    page.keyboard.press("Enter")
    expect(page.locator("#params-link")).to_contain_text("p.field_0=here")
    expect(page.get_by_label("field_0")).to_have_value("here")
