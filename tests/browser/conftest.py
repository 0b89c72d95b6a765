"""A real Chromium in front of a real server, both on the test's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute

from tests.browser.people import Chromium, chromium

RESULTS = Path("test-results")
SignIn = Callable[..., Page]
Picture = Callable[[Page, str], None]
GOING_AWAY = 1001


class Wire:
    """The line between a page's socket and the server, which can be cut."""

    def __init__(self, *, is_cut: bool = False) -> None:
        self.is_cut = is_cut
        self._open: list[WebSocketRoute] = []

    def take(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            socket.close(code=GOING_AWAY)
        else:
            socket.connect_to_server()
            self._open.append(socket)

    def cut(self) -> None:
        self.is_cut = True
        while self._open:
            self._open.pop().close(code=GOING_AWAY)

    def mend(self) -> None:
        self.is_cut = False


@pytest.fixture
def wire() -> Wire:
    return Wire()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def shared_chromium() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture
def browser(shared_chromium: Chromium) -> Iterator[Chromium]:
    with shared_chromium.in_use():
        yield shared_chromium


@pytest.fixture
def open_page(browser: Chromium, daphne: str, transactional_db: None) -> Iterator[SignIn]:
    """Opens a page for somebody of a role, who has signed in; for nobody when the role is None."""
    lent: list[tuple[BrowserContext, str]] = []

    def opened(
        path: str = "/",
        *,
        role: str | None = "operator",
        width: int = 1280,
        theme: str = "light",
        zone: str = "UTC",
        wire: Wire | None = None,
    ) -> Page:
        profile = browser.lend(zone=zone, address=daphne)
        lent.append((profile, zone))
        if role is not None:
            profile.add_cookies([session_cookie(role, daphne)])  # type: ignore[list-item]
        page = profile.new_page()
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        if wire is not None:
            page.route_web_socket("**/ws/**", wire.take)
        page.goto(path)
        return page

    yield opened
    for profile, zone in lent:
        browser.take_back(profile, zone=zone)


def session_cookie(role: str, url: str) -> dict[str, str]:
    """The cookie of a new person who has signed in."""
    from django.conf import settings
    from django.test import Client

    from tests.factories import make_user

    client = Client()
    client.force_login(make_user(role))
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": url,
    }


@pytest.fixture
def picture() -> Picture:
    """Keeps a screenshot in test-results/, for people to look at."""

    def taken(page: Page, name: str) -> None:
        RESULTS.mkdir(exist_ok=True)
        page.screenshot(path=RESULTS / f"{name}.png", full_page=True)

    return taken
