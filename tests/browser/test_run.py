from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from runs import hints
from runs.models import Attempt, LogChunk, Run
from runs.transitions.locked_run import lock_run
from tests.browser.pages import live
from tests.factories import ASKS, make_run, start
from tests.runs.helpers import drive, run_plan

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn, Wire

TALKS = """
pulser: 1
slug: talks
title: Talks
retry: {max_attempts: 1}
steps:
  - {id: first, uses: shell, with: {run: "echo hello from first"}}
  - {id: second, needs: [first], uses: shell, with: {run: "echo hello from second >&2; exit 1"}}
"""


def write(run: Run, text: bytes, *, offset: int = 0, stream: str = "stdout") -> None:
    """What a worker's output does: a committed chunk, and a hint."""
    step = run.steps.get(key="greet")
    attempt, _ = Attempt.objects.get_or_create(step=step, number=1, defaults={"started_at": timezone.now()})
    chunk = LogChunk.objects.create(attempt=attempt, offset=offset, stream=stream, data=text, at=timezone.now())
    hints.publish(str(run.pk), log=chunk.pk)


def test_a_run_is_watched_from_start_to_end(open_page: SignIn) -> None:
    run = start(TALKS)
    page = live(open_page(f"/runs/{run.pk}"))
    drive(run)
    expect(page.locator("#run-head")).to_have_attribute("data-status", "error")
    expect(page.locator("#step-first")).to_have_attribute("data-status", "success")
    expect(page.locator("#step-second .step-note")).to_contain_text("1")
    expect(page.locator('#log [data-stream="stdout"]')).to_have_text("hello from first")
    expect(page.locator('#log [data-stream="stderr"]')).to_have_text("hello from second")
    expect(page.locator("#events > li").last).to_contain_text("Failed")


def test_events_come_once_and_in_order(open_page: SignIn, wire: Wire) -> None:
    run = start(TALKS)
    page = live(open_page(f"/runs/{run.pk}", wire=wire))
    wire.cut()
    drive(run)
    wire.mend()
    last = Run.objects.get(pk=run.pk).seq
    expect(page.locator(f"#event-{last}")).to_be_attached()
    shown = page.locator("#events .seq").all_text_contents()
    assert shown == [str(seq) for seq in range(1, last + 1)]


def test_a_person_approves_with_a_comment(open_page: SignIn) -> None:
    run = drive(start(ASKS))
    page = live(open_page(f"/runs/{run.pk}"))
    page.get_by_label("Comment").fill("checked twice")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#step-sign-off")).to_have_attribute("data-status", "success")
    expect(page.locator("#events")).to_contain_text("checked twice")


def test_a_question_appears_while_one_watches(open_page: SignIn) -> None:
    run = start(ASKS)
    page = live(open_page(f"/runs/{run.pk}"))
    drive(run)
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    expect(page.locator("#step-sign-off blockquote")).to_have_text("Release it?")


def test_what_is_open_and_what_is_typed_survives_news(open_page: SignIn) -> None:
    run = drive(start(ASKS))
    page = live(open_page(f"/runs/{run.pk}"))
    page.get_by_label("Comment").fill("half a thou")
    page.locator("#step-sign-off").evaluate("step => step.dataset.old = ''")
    with lock_run(str(run.pk)) as locked:
        locked.emit("step.queued", step="sign-off", cause="ready")
    expect(page.locator("#step-sign-off")).not_to_have_attribute("data-old", "")
    expect(page.get_by_label("Comment")).to_have_value("half a thou")
    expect(page.get_by_label("Comment")).to_be_focused()
    expect(page.locator("#step-sign-off > details")).to_have_attribute("open", "")


def test_buttons_of_the_head_answer_in_the_head(open_page: SignIn) -> None:
    run = make_run(status="success")
    page = live(open_page(f"/runs/{run.pk}"))
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("#run-head")).to_contain_text("archived")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Archive")).to_be_visible()


@pytest.mark.parametrize(("verb", "back"), [("archive", "unarchive"), ("unarchive", "archive")])
def test_after_archiving_the_keyboard_stands_on_the_way_back(open_page: SignIn, verb: str, back: str) -> None:
    run = make_run(status="success", archived_at=timezone.now() if verb == "unarchive" else None)
    page = live(open_page(f"/runs/{run.pk}"))
    page.locator(f'#run-head [data-verb="{verb}"]').press("Enter")
    expect(page.locator(f'#run-head [data-verb="{back}"]')).to_be_focused()


def test_after_a_decision_the_keyboard_stands_in_its_step(open_page: SignIn) -> None:
    page = live(open_page(f"/runs/{run_plan(ASKS).pk}"))
    page.get_by_role("button", name="Approve").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    expect(page.locator("#step-sign-off summary").first).to_be_focused()


def test_a_question_of_this_run_is_counted_at_once(open_page: SignIn) -> None:
    run = start(ASKS)
    page = open_page()
    page.clock.install()
    page.goto(f"/runs/{run.pk}")
    live(page).clock.pause_at(timezone.now() + timedelta(seconds=2))  # nothing is asked for by the clock from here on
    drive(run)
    expect(page.locator(".badge [aria-hidden]")).to_have_text("1")


def test_a_page_polls_for_the_custodies_that_it_shows_and_has_a_place_for_each(open_page: SignIn) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    page = open_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.clock.install()
    page.goto(f"/runs/{run.pk}")
    with page.expect_response("**/custody?*") as answer:
        page.clock.fast_forward(10_500)
    assert 'id="custody"' in answer.value.text()
    expect(page.locator("#custody")).to_contain_text("Waiting for its running steps")
    assert errors == []


def test_a_title_of_five_hundred_characters_takes_three_lines(open_page: SignIn) -> None:
    title = ("a title that goes on and on " * 20)[:500]
    page = open_page(f"/runs/{make_run(title=title).pk}", width=360)
    box = page.locator("h1").bounding_box()
    assert box is not None
    assert box["height"] < 100
    page.get_by_text("Whole title").click()
    expect(page.locator(".run-whole p")).to_have_text(title.strip())


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(open_page: SignIn, picture: Picture, width: int, theme: str) -> None:
    run = make_run(title="W" * 300, status="running", steps={"greet": "running"})
    write(run, b"x" * 3000)
    page = live(open_page(f"/runs/{run.pk}", width=width, theme=theme))
    expect(page.locator("#log .log-text")).to_be_attached()
    picture(page, f"run-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
