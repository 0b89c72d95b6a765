"""The door, and the admin behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.factories import make_user

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn


def test_after_a_wrong_password_one_types_the_password_again(open_page: SignIn) -> None:
    make_user("viewer", name="robin")
    page = open_page("/login", role=None)
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("robin")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Username")).to_have_value("robin")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type("secret-enough")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Board")).to_be_attached()


@pytest.mark.parametrize(("system", "chosen"), [("light", "Dark"), ("dark", "Light")])
def test_the_admin_has_the_theme_of_the_board(open_page: SignIn, picture: Picture, system: str, chosen: str) -> None:
    page = open_page(role="admin", theme=system)
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("button", name=chosen).click()
    page.goto("/admin/")
    theme = "getComputedStyle(document.documentElement).colorScheme"
    assert page.evaluate(theme) == chosen.lower()
    picture(page, f"admin-{chosen.lower()}")
    page.locator(".theme-toggle").first.click()
    page.goto("/plans/")
    assert page.evaluate("document.documentElement.dataset.theme") == system, "what is chosen there counts here"


def test_the_admin_has_the_theme_of_the_system_when_none_was_chosen(open_page: SignIn) -> None:
    for system in ("light", "dark"):
        page = open_page("/admin/", role="admin", theme=system)
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor")
            == {
                "light": "rgb(255, 255, 255)",
                "dark": "rgb(20, 23, 29)",
            }[system]
        )
