"""What is wrong is said, and leads on: pages that cannot be shown, views that are gone, pictures that are too large."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.base import ContentFile
from playwright.sync_api import Page, expect

from runs.models import Artifact, SavedView
from tests.factories import make_plan, make_run

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn

VAST = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 50_000, 50_000) + b"\x08\x06\0\0\0" + b"\0" * 40
DESCRIBED = """
pulser: 1
slug: described
description: "# Import\\n\\n[out](/logout) and [the web](https://e.org)\\n\\n| a | b |\\n|---|--:|\\n| x | 1 |"
steps:
  - {id: only, uses: shell, with: {run: "true"}}
"""


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("role", "path", "says"),
    [
        ("viewer", "/runs/nonsense", "Page not found"),
        (None, "/runs/nonsense", "Page not found"),
        ("viewer", "/lanes/1/pausing", "No access"),
        ("", "/", "No access"),
    ],
)
def test_what_cannot_be_shown_leads_back(
    open_page: SignIn, picture: Picture, role: str | None, path: str, says: str, theme: str
) -> None:
    page = open_page(path, role=role, theme=theme, width=360)
    expect(page.get_by_role("heading", name=says)).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, f"{says}-{role}-{theme}".replace(" ", "-").lower())
    page.locator("main").get_by_role("link", name="Back to the board").press("Enter")
    page.wait_for_url("**/login?next=/" if role is None else lambda url: url.rstrip("/").count("/") == 2)


def test_who_has_no_role_signs_out(open_page: SignIn) -> None:
    page = open_page("/", role="")
    page.locator("main").get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/login")


def test_a_view_that_another_tab_deleted_is_said_to_be_gone_and_leaves(open_page: SignIn) -> None:
    page = open_page("/?view=lanes&status=error")
    page.get_by_role("button", name="Save view").click()
    page.get_by_role("textbox", name="Name").fill("Broken")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    tab = page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Broken")
    expect(tab).to_be_visible()
    SavedView.objects.all().delete()

    page.get_by_role("button", name="Actions for view Broken").click()
    page.get_by_role("button", name="Rename").click()

    expect(page.locator(".toast")).to_contain_text("view not found: it was deleted")
    expect(tab).to_have_count(0)
    page.reload()
    expect(page.locator(".notice").first).to_contain_text("The saved view was deleted")


def test_a_picture_of_too_many_pixels_is_not_drawn(open_page: SignIn) -> None:
    run = make_run(status="success", steps={"greet": "success"})
    content = ContentFile(VAST, name="vast.png")
    Artifact.objects.create(
        run=run, step=run.steps.first(), attempt=1, name="vast.png", kind="image", size=len(VAST), content=content
    )
    page = open_page(f"/runs/{run.pk}")
    row = page.locator(".artifact", has_text="vast.png")
    row.locator("summary").press("Enter")
    expect(row).to_contain_text("the image has 50,000 by 50,000 pixels")
    expect(row.locator("img")).to_have_count(0)
    expect(row.get_by_role("link", name="Download").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_description_is_drawn_as_an_artifact_is(open_page: SignIn, picture: Picture, theme: str) -> None:
    make_plan(DESCRIBED)
    page = open_page("/plans/described/", theme=theme)
    prose = page.locator(".prose")
    expect(prose.get_by_role("heading", level=3)).to_have_text("Import")
    expect(prose.get_by_role("link")).to_have_text("the web")
    assert prose.locator("td.right").evaluate("cell => getComputedStyle(cell).textAlign") == "right"
    assert serious(page) == []
    picture(page, f"described-{theme}")
