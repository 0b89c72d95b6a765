"""One Chromium for all tests of a process, and the people in front of it: their windows are used again.

To start a Chromium takes seconds, and a new profile takes longer for its first page than for ten others. So a profile
is cleaned and lent again: no cookie, nothing stored, online, and no page of the test before.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

WAIT_MS = 60_000  # for conditions; a busy machine is slow, not wrong
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_LOOP = (None, None)  # of the hooks for asynchronous generators


class Chromium:
    """The browser, its profiles by time zone, and Playwright's loop, which runs in the thread of the tests."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: defaultdict[str, list[BrowserContext]] = defaultdict(list)
        self._loop, self._hooks = asyncio.get_running_loop(), sys.get_asyncgen_hooks()
        self._hide_loop()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Inside, Playwright can be called. Outside, tests can run a loop of their own."""
        asyncio._set_running_loop(self._loop)
        sys.set_asyncgen_hooks(*self._hooks)
        # Django takes Playwright's loop for a server's and refuses the database; this thread only ever waits in it.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        try:
            yield
        finally:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
            self._hide_loop()

    def _hide_loop(self) -> None:
        asyncio._set_running_loop(None)
        sys.set_asyncgen_hooks(*NO_LOOP)

    def new_page(self) -> Page:
        """A page in a profile of its own, without a server behind it. Close it."""
        return self._browser.new_page()

    def lend(self, *, zone: str, address: str) -> BrowserContext:
        """A profile that looks unused. Its first page stays: with it, the process that draws pages stays as well."""
        if self._free[zone]:
            return self._free[zone].pop()
        profile = self._browser.new_context(timezone_id=zone, base_url=address)
        profile.set_default_timeout(WAIT_MS)
        profile.new_page().goto("/healthz")
        return profile

    def take_back(self, profile: BrowserContext, *, zone: str) -> None:
        """Its pages are closed, and what they left is cleared; it is thrown away where that cannot be done."""
        kept, *pages = profile.pages
        for page in pages:
            page.close()
        if not kept.evaluate("String(Date.now).includes('[native code]')"):  # a clock that stands cannot be given back
            profile.close()
            return
        profile.set_offline(False)
        kept.evaluate("localStorage.clear()")
        profile.clear_cookies()
        profile.clear_permissions()
        self._free[zone].append(profile)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Starts it; the test is skipped where there is none."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        except Error as error:
            pytest.skip(f"there is no Chromium: set CHROMIUM, or install one ({error.message.splitlines()[0]})")
        expect.set_options(timeout=WAIT_MS)
        ours = Chromium(browser)
        yield ours
        with ours.in_use():
            browser.close()
            playwright.stop()
