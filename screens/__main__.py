"""`python -m screens [FOLDER]`: photographs every page in both themes and on a phone. `make screens` calls it."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.room import Room, room
from screens.scene import Scene, perform

FOLDER = Path("test-results/screens")
SIZES = {"wide": (1440, 900), "phone": (360, 740)}
SHOTS = (("wide", "light"), ("wide", "dark"), ("phone", "light"), ("phone", "dark"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
QUIET_MS = 1200  # for the live feed and lazily loaded pieces


@dataclass(frozen=True, slots=True)
class View:
    """A page to photograph; `needs` must be seen on it before."""

    name: str
    path: str
    needs: str = "main"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m screens", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help=f"where the pictures go ({FOLDER})")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with room(workers=8) as house, sync_playwright() as playwright:
        scene = perform(house)
        found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        for size, theme in SHOTS:
            page = _sign_in(browser, house, size=size, theme=theme)
            for view in views(scene):
                _photograph(page, view, folder / f"{view.name}-{size}-{theme}.png")
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def views(scene: Scene) -> Iterator[View]:
    yield View("board-lanes", "/", ".card")
    yield View("board-table", "/?view=table", ".row")
    yield View("board-timeline", "/?view=timeline&range=6h", "main svg")
    yield View("board-nothing", "/?q=nothing+is+called+so", ".empty")
    yield View("run-failed", f"/runs/{scene.failed}", ".log")
    yield View("run-waiting", f"/runs/{scene.waiting}", ".log")
    yield View("run-artifacts", f"/runs/{scene.done}", ".log")
    yield View("run-fan", f"/runs/{scene.fan}?map=waterfall", ".log")
    yield View("plan", "/plans/release/")
    yield View("plans", "/plans/")
    yield View("inbox", "/inbox")
    yield View("sessions", "/sessions")
    yield View("health", "/health?range=6h")


def _sign_in(browser: Browser, house: Room, *, size: str, theme: str) -> Page:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,  # type: ignore[arg-type]
        base_url=house.url,
    )
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(house.environment["CONTROLROOM_ADMIN_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    return page


def _photograph(page: Page, view: View, path: Path) -> None:
    page.goto(view.path)
    page.locator(view.needs).first.wait_for()
    page.wait_for_timeout(QUIET_MS)
    page.screenshot(path=path, full_page=not view.name.startswith("board"))


if __name__ == "__main__":
    main()
