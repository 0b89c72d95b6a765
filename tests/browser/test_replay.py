"""Time travel, the list of events and what steps left, as people use them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import Page, Route, expect

from runs.commands import archive, retry
from runs.models import Artifact, Event, Run
from tests.browser.pages import live
from tests.factories import make_actor, make_run, say, start
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import drive, event, run_plan

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn

FAILS = plan(
    shell("good", "echo fine"),
    shell("bad", "echo broken; exit 3", "good", retry=ONCE),
    shell("after", "true", "bad"),
)
OLIVIA = make_actor()
MARKDOWN = b"# Notes\n\nAll **good**\n\n<script>document.title = 'hacked'</script>\n\n[x](javascript:alert(1))\n"
DIFF = b'--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n import os\n-name = "old"\n+name = "new"\n'
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000a0000000a08060000008d32cfbd0000001549444154789c636460f8ff9f010830"
    "8e2a1c5548450a0023ff0a01"
)
SVG = (
    b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><script>top.document.title='hacked'</script>"
    b"<circle cx='20' cy='20' r='18'/></svg>"
)


def seq_of(run: Run, kind: str, *, step: str = "") -> int:
    return int(event(run, kind, step=step).seq)


def go_to(page: Page, seq: int) -> None:
    """As a mouse that is dragged along the slider leaves it."""
    page.locator("#moment").evaluate(
        "(range, seq) => { range.value = seq; range.dispatchEvent(new Event('input', { bubbles: true })); }", seq
    )


def keep(run: Run, name: str, content: bytes, *, kind: str = "file") -> Artifact:
    return Artifact.objects.create(
        run=run,
        step=run.steps.first(),
        attempt=1,
        name=name,
        kind=kind,
        size=len(content),
        sha256="ab" * 32,
        content=ContentFile(content, name=name),
    )


def test_dragging_the_slider_shows_the_run_as_of_that_event(open_page: SignIn, picture: Picture) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    seq = seq_of(run, "step.claimed", step="bad")
    go_to(page, seq)
    expect(page.locator("#then")).to_contain_text(f"As of event {seq} of {run.seq}")
    expect(page.locator("#run-head")).to_have_attribute("data-status", "running")
    expect(page.locator("#step-bad")).to_have_attribute("data-status", "running")
    expect(page.locator("#step-after")).to_have_attribute("data-status", "pending")
    expect(page.locator("#node-bad")).to_have_attribute("data-status", "running")
    expect(page.locator("#log")).not_to_contain_text("broken")
    expect(page.locator("#log")).to_contain_text("fine")
    expect(page.locator(f"#event-{seq}")).to_have_attribute("aria-current", "true")
    assert page.url.endswith(f"?at={seq}")
    picture(page, "replay-past")


def test_the_newest_wish_wins_however_slow_the_others_are(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    slow: list[Route] = []

    def hold(route: Route) -> None:
        slow.append(route)

    page.route(re.compile(r"/at/3\b"), hold)
    with page.expect_request(re.compile(r"/at/3\b")):
        go_to(page, 3)
    for seq in (6, 5, 4):
        go_to(page, seq)
    expect(page.locator("#then")).to_contain_text("As of event 4 of")
    expect(page.locator("#step-good")).to_have_attribute("data-status", "running")
    assert len(slow) == 1, "it was asked for, and given up"
    expect(page.locator(".toast")).to_have_count(0)


def test_a_moment_that_cannot_be_loaded_is_said(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    page.route(re.compile(r"/at/3\b"), lambda route: route.abort())
    go_to(page, 3)
    expect(page.locator(".toast")).to_contain_text("cannot be reached")
    go_to(page, 4)
    expect(page.locator("#then")).to_contain_text("As of event 4 of")


def test_a_moment_that_cannot_be_loaded_leaves_the_slider_where_the_page_is(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    page.route(re.compile("/at/[35]"), lambda route: route.abort())
    go_to(page, 3)
    expect(page.locator(".toast")).to_contain_text("cannot be reached")
    expect(page.locator("#moment")).to_have_js_property("value", str(run.seq))
    archive(str(run.pk), actor=OLIVIA)
    expect(page.locator("#run-head")).to_contain_text("archived")  # it is the present, and live
    go_to(page, 4)
    expect(page.locator("#then")).to_contain_text("As of event 4 of")
    go_to(page, 5)
    expect(page.locator("#moment")).to_have_js_property("value", "4")
    expect(page.locator("#moment")).to_have_attribute("aria-valuetext", re.compile("^event 4 of"))


SHOWN = """(root) => [...root.querySelectorAll("#run-head, .step, .node")].map((one) => [one.id, one.dataset.status,
    one.querySelector(":scope > details > summary")?.textContent.replace(/\\s+/g, " ") ?? ""].join("|")).join("\\n")"""
AFRESH = f"""async (seq) => {{
    const html = await (await fetch(`${{location.pathname}}/at/${{seq}}`)).text();
    return ({SHOWN})(new DOMParser().parseFromString(html, "text/html"));
}}"""


def test_wherever_the_slider_comes_from_the_page_shows_the_moment_it_says(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    retry(str(run.pk), actor=OLIVIA)
    drive(run)
    page = live(open_page(f"/runs/{run.pk}"))
    answers: list[str] = []
    page.on("response", lambda answer: answers.append(answer.text()) if "shown=" in answer.url else None)
    for seq in (7, 8, 3, run.seq - 1, 4, 12, 2, run.seq - 2, 9):
        go_to(page, seq)
        expect(page.locator("#then")).to_contain_text(f"As of event {seq} of")
        assert page.evaluate(f"() => ({SHOWN})(document)") == page.evaluate(AFRESH, seq), seq
    assert page.locator("#changed").count() == 0
    assert len(answers) == 8 and all('id="changed"' in answer for answer in answers), "they were told what differs"


def test_a_step_that_looks_the_same_is_opened_as_of_the_moment_that_is_shown(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    ended, claimed = (seq_of(run, kind, step="bad") for kind in ("step.failed", "step.claimed"))
    go_to(page, claimed - 1)
    expect(page.locator("#step-good")).to_have_attribute("data-status", "success")
    go_to(page, claimed)
    expect(page.locator("#step-bad")).to_have_attribute("data-status", "running")
    with page.expect_request(re.compile(rf"/steps/good\?at={claimed}&")):
        page.locator("#step-good summary").first.click()
    expect(page.locator("#step-good .step-body")).to_contain_text("Outputs")
    with page.expect_request(re.compile(rf"/steps/good\?at={ended}&")):
        go_to(page, ended)
    expect(page.locator("#step-good .step-body")).to_contain_text("Outputs")


def test_a_map_that_comes_late_is_not_shown_in_another_moment(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    go_to(page, 4)
    expect(page.locator("#then")).to_contain_text("As of event 4 of")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("/map[?]map=waterfall"), hold)
    with page.expect_request(re.compile("/map[?]map=waterfall&at=4")):
        page.get_by_role("link", name="Waterfall").click()
    go_to(page, 6)
    expect(page.locator("#then")).to_contain_text("As of event 6 of")
    with page.expect_response(re.compile("/map[?]map=waterfall")):
        held.pop().continue_()
    expect(page.locator("#map-graph")).to_have_attribute("aria-current", "true")
    assert "map=waterfall" not in page.url
    page.unroute_all()
    page.get_by_role("link", name="Waterfall").click()
    expect(page.locator("#waterfall")).to_be_visible()
    go_to(page, 8)
    expect(page.locator("#then")).to_contain_text("As of event 8 of")
    assert page.locator("#waterfall").is_visible()


def test_page_keys_go_further_than_arrows(open_page: SignIn) -> None:
    run = start(FAILS)
    for number in range(40):
        say(run, "log.cut", limit=number)
    run.refresh_from_db()
    page = live(open_page(f"/runs/{run.pk}"))
    page.get_by_role("slider", name="Event to show").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#then")).to_contain_text(f"As of event {run.seq - 1} of")
    page.keyboard.press("PageDown")
    expect(page.locator("#then")).not_to_contain_text(f"As of event {run.seq - 1} of")
    assert 1 < int(page.locator("#then").get_attribute("data-seq") or 0) < run.seq - 2
    page.keyboard.press("PageUp")
    expect(page.locator("#then")).to_contain_text(f"As of event {run.seq - 1} of")


def test_the_way_back_shows_the_present(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    go_to(page, 2)
    expect(page.locator("#step-good")).to_have_attribute("data-status", "pending")
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator("#step-bad")).to_have_attribute("data-status", "error")
    expect(page.locator("#first-cause")).to_contain_text("First failure")
    expect(page.locator("#then")).to_be_hidden()
    expect(page.locator("#log")).to_contain_text("broken")
    expect(page.locator("#events [data-later]")).to_have_count(0)
    assert "at=" not in page.url


def test_arrow_keys_go_from_event_to_event_and_say_it_in_words(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    slider = page.get_by_role("slider", name="Event to show")
    expect(slider).to_have_attribute("aria-valuetext", f"now, event {run.seq}")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#then")).to_contain_text("As of event 2 of")
    expect(slider).to_have_attribute("aria-valuetext", f"event 2 of {run.seq}, {_clock(page, 2)}, Started in lane A")
    page.keyboard.press("End")
    expect(page.locator("#then")).to_be_hidden()


def _clock(page: Page, seq: int) -> str:
    return page.locator(f"#event-{seq} time").inner_text()


def test_keys_and_buttons_step_through_the_events_and_escape_leads_back(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    page.keyboard.press("[")
    expect(page.locator("#then")).to_contain_text(f"As of event {run.seq - 1} of")
    page.get_by_role("button", name="Previous event").click()
    expect(page.locator("#then")).to_contain_text(f"As of event {run.seq - 2} of")
    page.keyboard.press("Escape")
    expect(page.locator("#then")).to_be_hidden()


def test_an_event_in_the_list_leads_to_its_moment(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    seq = seq_of(run, "step.succeeded", step="good")
    page.locator(f"#event-{seq} .seq").click()
    expect(page.locator("#step-good")).to_have_attribute("data-status", "success")
    expect(page.locator("#step-bad")).to_have_attribute("data-status", "pending")


def test_nothing_can_be_pressed_in_the_past(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    expect(page.locator('[data-verb="retry"]').first).to_be_visible()
    go_to(page, 3)
    expect(page.locator("#then")).to_be_visible()
    expect(page.locator("[data-verb]:visible")).to_have_count(0)


def test_an_opened_step_stays_open_and_shows_what_was_known(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    page.locator("#step-good summary").first.click()
    expect(page.locator("#step-good .step-body")).to_contain_text("Outputs")
    go_to(page, seq_of(run, "step.claimed", step="good"))
    expect(page.locator("#step-good")).to_have_attribute("data-status", "running")
    expect(page.locator("#step-good .step-body")).to_contain_text("uses shell")
    expect(page.locator("#step-good .step-body")).not_to_contain_text("Outputs")


def test_a_shared_link_shows_the_past_and_leads_to_now(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = open_page(f"/runs/{run.pk}?at={seq_of(run, 'step.claimed', step='bad')}")
    expect(page.locator("#step-bad")).to_have_attribute("data-status", "running")
    expect(page.locator("#log")).not_to_contain_text("broken")
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator("#step-bad")).to_have_attribute("data-status", "error")


def test_what_happens_meanwhile_is_held_and_there_on_the_way_back(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    go_to(page, 3)
    expect(page.locator("#step-good")).to_have_attribute("data-status", "queued")
    retry(str(run.pk), actor=OLIVIA)
    drive(run)
    archive(str(run.pk), actor=OLIVIA)
    came = Event.objects.filter(run=run).count() - run_seq_before(page)
    expect(page.locator(".then-news")).to_have_text(f"{came} new events")
    expect(page.locator("#step-good")).to_have_attribute("data-status", "queued")
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator("#run-head")).to_contain_text("archived")
    expect(page.locator("#events li[data-kind]")).to_have_count(Event.objects.filter(run=run).count())
    expect(page.locator("#moment")).to_have_attribute("max", str(Event.objects.filter(run=run).count()))


def run_seq_before(page: Page) -> int:
    """The events that the page had when it went into the past."""
    return int(page.locator("#slider").get_attribute("data-last") or 0)


def test_a_run_that_goes_on_makes_the_slider_longer(open_page: SignIn) -> None:
    run = start(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    drive(run)
    expect(page.locator("#moment")).to_have_attribute("max", str(run.seq))
    expect(page.locator("#moment")).to_have_js_property("value", str(run.seq))
    expect(page.locator('.slider-ticks [data-status="error"]').first).to_be_visible()


def test_play_goes_through_the_events_by_itself(open_page: SignIn) -> None:
    run = run_plan(plan(shell("a", "true")))
    page = live(open_page(f"/runs/{run.pk}"))
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator("#then")).to_contain_text("As of event 2 of")
    expect(page.locator("#then")).to_contain_text("As of event 4 of")
    expect(page.locator("#then")).to_be_hidden()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_events_are_filtered_and_live_ones_too(open_page: SignIn) -> None:
    run = start(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    page.get_by_label("Kind").select_option("Approvals")
    expect(page.locator("#events")).to_contain_text("No events match.")
    page.get_by_label("Kind").select_option("Steps")
    page.locator("#events-filter").get_by_label("Step").select_option("bad")
    drive(run)
    expect(page.locator("#events li:visible").last).to_contain_text("bad failed")
    assert {one.get_attribute("data-step") for one in page.locator("#events li[data-kind]:visible").all()} == {"bad"}
    page.locator("#events-filter").get_by_label("Text").fill("exit code 3")
    expect(page.locator("#events li[data-kind]")).to_have_count(1)
    page.locator("#events-filter").get_by_label("Text").fill("")
    page.locator("#events-filter").get_by_label("Step").select_option("All steps")
    page.get_by_label("Kind").select_option("All kinds")
    expect(page.locator("#events li[data-kind]")).to_have_count(run.seq)


def test_an_event_opens_its_data(open_page: SignIn) -> None:
    run = start(title="Anything")
    page = open_page(f"/runs/{run.pk}")
    page.locator("#event-1 summary").click()
    expect(page.locator("#event-1 pre")).to_contain_text('"kind": "run.queued"')


@pytest.fixture
def kept(transactional_db: None) -> Run:
    """A run with a file of each kind. They lie where the server looks for them."""
    run = make_run(status="success", steps={"greet": "success"})
    keep(run, "notes.md", MARKDOWN, kind="markdown")
    keep(run, "table.csv", b"name,n\n" + b"x,1\n" * 300, kind="table")
    keep(run, "dot.png", PNG, kind="image")
    keep(run, "drawing.svg", SVG, kind="image")
    keep(run, "fake.png", b"<script>document.title = 'hacked'</script>", kind="image")
    keep(run, "change.diff", DIFF, kind="diff")
    keep(run, "links.txt", b"https://example.org/a\njavascript:alert(1)\n", kind="link")
    keep(run, "log.txt", b"just text\n")
    return run


def open_all(page: Page) -> None:
    """By the keyboard: what opens moves what is below, and a mouse might miss it."""
    for summary in page.locator(".artifact summary").all():
        summary.press("Enter")


def test_each_kind_of_artifact_is_previewed_when_it_is_opened(open_page: SignIn, picture: Picture, kept: Run) -> None:
    page = open_page(f"/runs/{kept.pk}")
    title = page.title()
    open_all(page)
    body = {
        name: page.locator(".artifact", has_text=name).first for name in kept.artifacts.values_list("name", flat=True)
    }
    expect(body["notes.md"].locator("strong")).to_have_text("good")
    expect(body["table.csv"].locator("tbody tr")).to_have_count(200)
    expect(body["table.csv"]).to_contain_text("The first 200 rows.")
    for name, width in (("dot.png", 10), ("drawing.svg", 40)):
        expect(body[name].locator("img")).to_have_js_property("naturalWidth", width)
    expect(body["fake.png"]).to_contain_text("Not an image.")
    expect(body["change.diff"].locator(".new mark")).to_have_text("new")
    expect(body["links.txt"].get_by_role("link", name="https://example.org/a")).to_have_attribute(
        "rel", "noopener noreferrer nofollow"
    )
    expect(body["links.txt"]).to_contain_text("not a link")
    expect(body["log.txt"].locator("pre")).to_have_text("just text\n")
    assert page.title() == title, "nothing in them ran"
    assert page.locator('a[href^="javascript"]').count() == 0
    picture(page, "replay-artifacts")


def test_an_artifact_that_comes_leaves_the_opened_ones_open(open_page: SignIn, kept: Run) -> None:
    page = open_page(f"/runs/{kept.pk}")
    page.locator(".artifact summary").first.click()
    expect(page.locator(".artifact strong")).to_have_text("good")
    keep(kept, "late.txt", b"late")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('artifact-created'))")
    expect(page.locator(".artifact")).to_have_count(9)
    expect(page.locator(".artifact strong")).to_be_visible()


def test_an_artifact_has_a_page_of_its_own(open_page: SignIn, kept: Run) -> None:
    page = open_page(f"/runs/{kept.pk}")
    page.locator(".artifact summary", has_text="change.diff").click()
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("change.diff")
    expect(page.locator(".diff .new mark")).to_have_text("new")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_of_it_is_wider_than_the_screen(
    open_page: SignIn, picture: Picture, kept: Run, theme: str, width: int
) -> None:
    keep(kept, "wide" * 40 + ".csv", ",".join("column" * 5 for _ in range(40)).encode() + b"\n", kind="table")
    page = live(open_page(f"/runs/{kept.pk}", theme=theme, width=width))
    open_all(page)
    expect(page.locator(".artifact .preview")).to_have_count(9)
    page.keyboard.press("[")
    picture(page, f"replay-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_past(open_page: SignIn, theme: str, kept: Run) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(f"/runs/{run_plan(FAILS).pk}?at=6", theme=theme)
    assert serious(Axe().run(page).response) == []
    page.goto(f"/runs/{kept.pk}")
    open_all(page)
    expect(page.locator(".artifact .preview")).to_have_count(8)
    assert serious(Axe().run(page).response) == []


def serious(found: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (rule["id"], [str(node["target"]) for node in rule["nodes"]])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


def test_the_slider_is_one_slim_line_that_stays_under_the_pointer(open_page: SignIn) -> None:
    run = run_plan(FAILS)
    page = live(open_page(f"/runs/{run.pk}"))
    expect(page.locator(".slider-at")).to_have_text(f"event {run.seq} of {run.seq}")
    now, line = page.locator("#moment").bounding_box(), page.locator(".run-bar").bounding_box()
    assert now is not None
    assert line is not None
    assert line["height"] <= 32
    go_to(page, 3)
    expect(page.locator("#then")).to_contain_text("As of event 3")
    expect(page.locator(".slider-at")).to_have_text(f"event 3 of {run.seq}")
    assert page.locator("#moment").bounding_box() == pytest.approx(now, abs=0.1)
