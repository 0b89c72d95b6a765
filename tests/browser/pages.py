"""What tests of pages do again and again."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def live(page: Page) -> Page:
    """The page, once its socket listens."""
    expect(page.locator("#light")).to_have_text("live")
    return page
