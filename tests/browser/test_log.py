"""The log pane in a real browser: 50 MB of lines, search, live output, and whatever else programs write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from runs import hints
from runs.models import Attempt, LogChunk, Run
from tests.browser.pages import live
from tests.factories import make_run, put_step

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn

LINES = 1_000_000
LINE = "line {:07d} of a long log, forty more signs here.\n"
CHUNK_LINES = 1_280  # 64 KiB
GAPS = """() => {
  window.longest = 0;
  let last = performance.now();
  const beat = (now) => {
    window.longest = Math.max(window.longest, now - last);
    last = now;
    requestAnimationFrame(beat);
  };
  requestAnimationFrame(beat);
}"""

AT_REST = """() => new Promise((done) => {
  let last = -1;
  const look = () => {
    if (log.scrollTop === last && !log.hasAttribute('aria-busy')) return done();
    last = log.scrollTop;
    setTimeout(look, 250);
  };
  look();
})"""


def attempt_at(run: Run, key: str = "greet", *, number: int = 1) -> Attempt:
    now = timezone.now()
    return Attempt.objects.get_or_create(step=run.steps.get(key=key), number=number, defaults={"started_at": now})[0]


def write(attempt: Attempt, text: str | bytes, *, stream: str = "stdout") -> None:
    """What a worker's output does: a committed chunk, and a hint."""
    data = text.encode() if isinstance(text, str) else text
    last = attempt.log.order_by("offset").last()
    offset = last.offset + len(last.data) if last else 0
    lines, is_open = LogChunk.count(data)
    chunk = LogChunk.objects.create(
        attempt=attempt, offset=offset, stream=stream, data=data, at=timezone.now(), lines=lines, is_open=is_open
    )
    hints.publish(str(attempt.step.run_id), log=chunk.pk)


def write_lines(attempt: Attempt, count: int) -> None:
    """So many numbered lines, in chunks as a worker makes them."""
    rows, offset = [], 0
    for start in range(1, count + 1, CHUNK_LINES):
        numbers = range(start, min(start + CHUNK_LINES, count + 1))
        data = "".join(map(LINE.format, numbers)).encode()
        rows.append(LogChunk(attempt=attempt, offset=offset, stream="stdout", data=data, at=attempt.started_at))
        rows[-1].lines, rows[-1].is_open = LogChunk.count(data)
        offset += len(data)
    LogChunk.objects.bulk_create(rows, batch_size=50)


def line(page: Page, number: int) -> Locator:
    return page.locator(f"#L{number} .log-text")


def test_fifty_megabytes_scroll_without_freezing(open_page: SignIn, picture: Picture) -> None:
    run = make_run(status="success")
    write_lines(attempt_at(run), LINES)
    page = live(open_page(f"/runs/{run.pk}"))
    page.locator("#log-pane").evaluate("pane => pane.scrollIntoView({block: 'end'})")
    expect(line(page, LINES)).to_be_in_viewport()
    page.evaluate(GAPS)

    page.evaluate("log.scrollTop = log.scrollHeight / 2")
    expect(page.get_by_label("Line", exact=True)).to_have_value(re.compile(r"^(499|500)\d{3}$"))
    page.locator("#log").focus()
    for _ in range(40):
        page.keyboard.press("PageDown")
    page.evaluate(AT_REST)
    page.keyboard.press("Home")
    expect(line(page, 1)).to_be_in_viewport()
    page.keyboard.press("End")
    expect(line(page, LINES)).to_be_in_viewport()
    expect(line(page, LINES)).to_have_text(LINE.format(LINES).strip())

    assert page.locator(".log-line").count() <= 800
    assert page.evaluate("window.longest") < 1_000
    picture(page, "log-50-mb")


def middle_of(page: Page) -> tuple[float, float]:
    box = page.locator("#log").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_scrolling_line_by_line_leaves_none_out(open_page: SignIn) -> None:
    run = make_run(status="success")
    write_lines(attempt_at(run), 3_000)
    page = live(open_page(f"/runs/{run.pk}/log#L1"))
    expect(line(page, 1)).to_be_in_viewport()
    seen = page.evaluate(
        """async () => {
          const seen = new Set();
          const lines = () => document.querySelectorAll('.log-line');
          while (!seen.has(3000)) {
            const edge = log.getBoundingClientRect();
            for (const row of lines()) {
              const box = row.getBoundingClientRect();
              if (box.bottom > edge.top && box.top < edge.bottom) seen.add(Number(row.id.slice(1)));
            }
            log.scrollTop += 200;
            do await new Promise(requestAnimationFrame); while (log.hasAttribute('aria-busy'));
          }
          return seen.size;
        }"""
    )
    assert seen == 3_000


def test_a_search_finds_a_line_in_the_middle_of_fifty_megabytes(open_page: SignIn) -> None:
    run = make_run(status="success")
    write_lines(attempt_at(run), LINES)
    page = live(open_page(f"/runs/{run.pk}/log"))
    field = page.get_by_role("searchbox", name="Search this log")
    field.fill("LINE 0512")
    field.press("Enter")
    expect(page.locator(".log-found")).to_have_text("1 of 1,000")
    expect(line(page, 512_000)).to_be_in_viewport()
    expect(page.locator("#L512000")).to_have_attribute("aria-current", "true")
    field.press("Enter")
    expect(page.locator("#L512001")).to_have_attribute("aria-current", "true")
    field.press("Shift+Enter")
    field.press("Shift+Enter")
    expect(page.locator(".log-found")).to_have_text("1,000 of 1,000")
    assert page.evaluate("CSS.highlights.get('log-found').size") > 0
    field.fill("no such words")
    field.press("Enter")
    expect(page.locator(".log-found")).to_have_text("no match")


def test_a_line_of_the_address_is_shown_and_marked(open_page: SignIn) -> None:
    run = make_run(status="success")
    write_lines(attempt_at(run), 5_000)
    page = live(open_page(f"/runs/{run.pk}#L1234"))
    expect(line(page, 1_234)).to_be_in_viewport()
    expect(page.locator("#L1234")).to_have_attribute("aria-current", "true")
    page.get_by_label("Line", exact=True).fill("4321")
    page.get_by_label("Line", exact=True).press("Enter")
    expect(line(page, 4_321)).to_be_in_viewport()
    page.locator("#L4321 .log-no").click()
    assert page.url.endswith("#L4321")


def test_output_appears_as_it_is_written_after_what_was_there(open_page: SignIn) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    attempt = attempt_at(run)
    write(attempt, "before\n")
    page = live(open_page(f"/runs/{run.pk}"))
    write(attempt, "half a ")
    expect(line(page, 2)).to_have_text("half a")
    write(attempt, "line\nand another\n")
    expect(page.locator("#log .log-text")).to_have_text(["before", "half a line", "and another"])


def test_a_flood_is_followed_to_its_end_in_a_bounded_page(open_page: SignIn) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    attempt = attempt_at(run)
    page = live(open_page(f"/runs/{run.pk}/log"))
    for start in range(0, 20_000, 1_000):
        write(attempt, "".join(f"flood {number}\n" for number in range(start, start + 1_000)))
    expect(line(page, 20_000)).to_be_in_viewport()
    assert page.locator(".log-line").count() <= 800


def test_following_ends_when_somebody_scrolls_up_and_a_button_leads_back(open_page: SignIn) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    attempt = attempt_at(run)
    write_lines(attempt, 500)
    page = live(open_page(f"/runs/{run.pk}/log"))
    expect(line(page, 500)).to_be_in_viewport()
    page.mouse.move(*middle_of(page))
    page.mouse.wheel(0, -1_500)
    expect(page.get_by_role("checkbox", name="Follow")).not_to_be_checked()
    top = page.evaluate("log.scrollTop")
    write(attempt, "one more\nand one\n")
    expect(page.locator(".log-new")).to_have_text("2 new lines")
    assert page.evaluate("log.scrollTop") == top
    page.locator(".log-new").click()
    expect(line(page, 502)).to_be_in_viewport()
    expect(page.locator(".log-new")).to_be_hidden()


def test_colours_are_shown_and_markup_is_text(open_page: SignIn, picture: Picture) -> None:
    run = make_run(status="success")
    write(attempt_at(run), b"\x1b[31mred\x1b[0m <script>window.owned = true</script>\ncaf\xc3\xa9 \xff\x00\x1b[2K\n")
    page = live(open_page(f"/runs/{run.pk}"))
    expect(page.locator("#L1 .a-red")).to_have_text("red")
    expect(line(page, 1)).to_have_text("red <script>window.owned = true</script>")
    expect(line(page, 2)).to_have_text("caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{REPLACEMENT CHARACTER}")
    assert page.evaluate("window.owned") is None
    red, plain = (color(page, selector) for selector in ("#L1 .a-red", "#L1 .log-text"))
    assert red != plain
    picture(page, "log-colours")


def color(page: Page, selector: str) -> str:
    return str(page.locator(selector).evaluate("element => getComputedStyle(element).color"))


def test_stderr_is_told_by_a_word(open_page: SignIn) -> None:
    run = make_run(status="success")
    write(attempt_at(run), "oh dear\n", stream="stderr")
    page = live(open_page(f"/runs/{run.pk}"))
    said = line(page, 1).evaluate("element => getComputedStyle(element, '::before').content")
    assert said == '"err"'


def test_a_key_leads_to_the_first_error(open_page: SignIn) -> None:
    run = make_run(status="error")
    put_step(run, "greet", "error")
    attempt = attempt_at(run)
    write_lines(attempt, 2_000)
    write(attempt, "ValueError: no\n", stream="stderr")
    write(attempt, "bye\n" * 2_000)
    Attempt.objects.update(outcome="error", finished_at=timezone.now())
    page = live(open_page(f"/runs/{run.pk}/log"))
    expect(line(page, 4_001)).to_be_in_viewport()
    page.keyboard.press("e")
    expect(line(page, 2_001)).to_be_in_viewport()
    expect(page.locator("#L2001")).to_have_attribute("aria-current", "true")
    expect(page.locator(".log-found")).to_have_text("first error: line 2,001")


def test_the_first_error_is_in_sight_on_a_page_that_is_longer_than_the_screen(open_page: SignIn) -> None:
    run = make_run(status="error")
    put_step(run, "greet", "error", attempt=2)
    write(attempt_at(run), "error: first try\n", stream="stderr")
    Attempt.objects.update(outcome="error", finished_at=timezone.now())
    write(attempt_at(run, number=2), "fine\n" * 20, stream="stdout")
    write(attempt_at(run, number=2), "error: second try\n", stream="stderr")
    Attempt.objects.update(outcome="error", finished_at=timezone.now())
    page = open_page(f"/runs/{run.pk}")
    page.set_viewport_size({"width": 1280, "height": 420})
    page.evaluate("scrollTo(0, 0)")
    expect(line(page, 22)).not_to_be_in_viewport()
    page.keyboard.press("e")
    expect(page.locator(".log-found")).to_have_text("first error: line 22, in the last attempt of greet")
    expect(line(page, 22)).to_be_in_viewport()
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


MARKED = "() => [...CSS.highlights.get('log-found')].map((range) => range.toString())"


def test_what_is_found_is_marked_within_colours_and_across_them(open_page: SignIn) -> None:
    run = make_run(status="success")
    write(
        attempt_at(run), "\x1b[31mbat\x1b[0mch one\nno \x1b[1mbatch\x1b[0m\n\x1b[33ma\x1b[0m\x1b[32mbatch two\x1b[0m\n"
    )
    page = live(open_page(f"/runs/{run.pk}/log"))
    page.get_by_role("searchbox").fill("batch")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".log-found")).to_have_text("1 of 3")
    assert page.evaluate(MARKED) == ["batch"] * 3


def test_escape_in_the_search_of_a_log_takes_the_marks_away(open_page: SignIn) -> None:
    run = make_run(status="success")
    write(attempt_at(run), "needle\n")
    page = live(open_page(f"/runs/{run.pk}/log"))
    page.get_by_role("searchbox").fill("needle")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".log-found")).to_have_text("1 of 1")
    page.get_by_role("searchbox").press("Escape")
    expect(page.locator(".log-found")).to_have_text("")
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page.get_by_role("button", name="Next match")).to_be_disabled()
    assert page.evaluate(MARKED) == []


def test_without_an_error_this_is_said(open_page: SignIn) -> None:
    run = make_run(status="success")
    write(attempt_at(run), "all is well\n")
    page = live(open_page(f"/runs/{run.pk}"))
    page.get_by_role("button", name="First error").click()
    expect(page.locator(".log-found")).to_have_text("no error found")


def test_one_attempt_can_be_chosen_and_shared(open_page: SignIn) -> None:
    run = make_run(status="success")
    for number in (1, 2):
        write(attempt_at(run, number=number), f"said at attempt {number}\n")
        Attempt.objects.update(finished_at=timezone.now())
    page = live(open_page(f"/runs/{run.pk}/log"))
    page.get_by_label("Step", exact=True).select_option("greet")
    expect(page.locator(".log-text")).to_have_count(2)
    page.get_by_label("Attempt", exact=True).select_option("2")
    expect(page.locator(".log-text")).to_have_text(["said at attempt 2"])
    assert page.url.endswith("?step=greet&attempt=2")
    page.reload()
    expect(page.locator(".log-text")).to_have_text(["said at attempt 2"])
    with page.expect_download() as download:
        page.get_by_label("Download this log").click()
    assert download.value.suggested_filename.endswith("-greet-2.log")
    assert download.value.path().read_text() == "said at attempt 2\n"


def test_a_step_that_begins_to_speak_is_offered(open_page: SignIn) -> None:
    run = make_run(status="running", steps={"greet": "running"})
    page = live(open_page(f"/runs/{run.pk}"))
    expect(page.locator("#log-pane .log-note")).to_have_text("No output yet.")
    write(attempt_at(run), "hello\n")
    expect(page.locator('[data-log-pick="step"] option')).to_have_text(["All steps", "greet"])
    expect(page.locator("#log-pane .log-note")).to_have_text("")


def test_what_did_not_load_is_said_and_tried_again(open_page: SignIn) -> None:
    run = make_run(status="success")
    write_lines(attempt_at(run), 5_000)
    page = live(open_page(f"/runs/{run.pk}/log"))
    page.route("**/log/lines?*", lambda route: route.fulfill(status=503, body=""))
    page.evaluate("log.scrollTop = 0")
    expect(page.get_by_role("alert")).to_have_text("The log did not load (503).Retry")
    page.unroute("**/log/lines?*")
    page.get_by_role("button", name="Retry").click()
    expect(line(page, 1)).to_be_in_viewport()
    expect(page.locator(".log-failed")).to_be_hidden()


def test_wrap_and_times_are_remembered(open_page: SignIn) -> None:
    run = make_run(status="success")
    write(attempt_at(run), "x" * 3_000 + "\n")
    page = live(open_page(f"/runs/{run.pk}/log"))
    high = page.locator("#L1").bounding_box()
    page.keyboard.press("w")
    page.keyboard.press("t")
    low = page.locator("#L1").bounding_box()
    assert high is not None
    assert low is not None
    assert high["height"] > 2 * low["height"]
    page.reload()
    expect(page.get_by_role("checkbox", name="Wrap")).not_to_be_checked()
    expect(page.locator("#L1 .log-no")).to_have_attribute("data-time", page.evaluate(CLOCK))


CLOCK = """() => new Date(document.querySelector('#L1').dataset.at * 1000).toLocaleTimeString('en-GB')"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pane_fits_the_screen(open_page: SignIn, picture: Picture, width: int, theme: str) -> None:
    run = make_run(status="error", title="W" * 200)
    attempt = attempt_at(run)
    write(attempt, "compiling\n" * 30 + "\x1b[32mok\x1b[0m a\n" + "x" * 3_000 + "\n")
    write(attempt, "error: it broke\n", stream="stderr")
    page = live(open_page(f"/runs/{run.pk}/log", width=width, theme=theme))
    expect(line(page, 33)).to_be_in_viewport()
    picture(page, f"log-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Full screen")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Full screen")).to_have_attribute("aria-pressed", "false")


def test_a_short_log_takes_no_more_room_than_it_needs(open_page: SignIn) -> None:
    silent, brief = make_run(status="success"), make_run(status="success")
    write_lines(attempt_at(brief), 12)
    page = live(open_page(f"/runs/{silent.pk}"))
    expect(page.locator(".log-note")).to_have_text("This run has no output.")
    assert height(page.locator("#log")) < 60
    page.goto(f"/runs/{brief.pk}")
    expect(page.locator(".log-line")).to_have_count(12)
    assert 200 < height(page.locator("#log")) < 240


def height(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box is not None
    return box["height"]
