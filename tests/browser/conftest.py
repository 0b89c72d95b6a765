"""A real Chromium in front of a real server, both on the test's own database."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, WebSocketRoute, expect, sync_playwright

RESULTS = Path("test-results")
START_S = 60
WAIT_MS = 30_000  # for conditions; a busy machine is slow, not wrong
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each file: Playwright's loop must be gone before tests come that run a loop of their own."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=found, args=FLAGS)
        except Error as error:
            pytest.skip(f"there is no Chromium: set CHROMIUM, or install one ({error.message.splitlines()[0]})")
        # Django takes Playwright's loop for a server's and refuses the database; this thread only ever waits in it.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        expect.set_options(timeout=WAIT_MS)
        yield opened
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        opened.close()


@pytest.fixture(scope="module")
def daphne(django_db_setup: None) -> Iterator[str]:
    """The address of a real server on the test database."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    url = make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "daphne", "--fd", str(listening.fileno()), "controlroom.asgi:application"]
        environment = os.environ | {"DATABASE_URL": url, "CONTROLROOM_DB_POOL": "4"}
        server = subprocess.Popen(command, env=environment, pass_fds=[listening.fileno()])
    address = f"http://127.0.0.1:{port}"
    with urlopen(f"{address}/healthz", timeout=START_S):  # it listens already; the answer waits until it serves
        pass
    yield address
    server.terminate()
    server.wait(timeout=20)


@pytest.fixture
def open_page(browser: Browser, daphne: str, transactional_db: None) -> Iterator[SignIn]:
    """Opens a page for somebody of a role, who has signed in; for nobody when the role is None."""
    contexts: list[BrowserContext] = []

    def opened(
        path: str = "/",
        *,
        role: str | None = "operator",
        width: int = 1280,
        theme: str = "light",
        zone: str = "UTC",
        wire: Wire | None = None,
    ) -> Page:
        viewport = {"width": width, "height": 800}
        context = browser.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme=theme,  # type: ignore[arg-type]
            timezone_id=zone,
            base_url=daphne,
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        if role is not None:
            context.add_cookies([session_cookie(role, daphne)])  # type: ignore[list-item]
        page = context.new_page()
        if wire is not None:
            page.route_web_socket("**/ws/**", wire.take)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


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
