"""The browser writes lengths of time as the server does, and reads none that the server refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from pydantic import TypeAdapter

from pulser.language.durations import Seconds
from tests.browser.people import Chromium
from tests.tables import DURATIONS

TIME_JS = Path(__file__).resolve().parents[2] / "static" / "js" / "time.js"
CALLS = {"ticking": "length", "age": "age", "coarse": "coarse", "until": "due"}


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    """An empty page with nothing but the script."""
    opened = browser.new_page()
    opened.route("**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
    opened.goto("http://empty.test/")  # about:blank has no cookies
    opened.add_script_tag(path=TIME_JS)
    yield opened
    opened.close()


@pytest.mark.parametrize(("table", "call"), CALLS.items())
def test_lengths_of_time_are_written_as_on_the_server(page: Page, table: str, call: str) -> None:
    rows = DURATIONS[table]
    shown = page.evaluate(f"rows => rows.map(([seconds]) => window.times.{call}(seconds))", rows)
    assert shown == [words for _, words in rows]


def test_progress_is_told_as_on_the_server(page: Page) -> None:
    rows = DURATIONS["pace"]
    shown = page.evaluate("rows => rows.map(([past, usual]) => window.times.paceWords(past, usual))", rows)
    assert shown == [[said, short] for *_, said, short in rows]


def test_the_published_pattern_takes_what_the_server_reads(page: Page) -> None:
    forms: list[dict[str, Any]] = TypeAdapter(Seconds).json_schema()["anyOf"]
    (pattern,) = (form["pattern"] for form in forms if "pattern" in form)
    written = [text for text, _ in DURATIONS["written"]]
    asked = [pattern, [*written, *DURATIONS["refused"]]]
    taken = page.evaluate("([pattern, texts]) => texts.filter((text) => RegExp(pattern, 'u').test(text))", asked)
    assert taken == written
