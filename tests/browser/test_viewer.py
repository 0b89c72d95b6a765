"""What somebody sees who may only look: what others do is told, and not offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from runs.models import Step
from tests.factories import make_run

if TYPE_CHECKING:
    from tests.browser.conftest import SignIn


@pytest.mark.parametrize(
    ("role", "asked", "who"),
    [
        ("viewer", "operator", "An operator must decide."),
        ("viewer", "admin", "An administrator must decide."),
        ("operator", "admin", "An administrator must decide."),
        ("operator", "operator", ""),
        ("admin", "operator", ""),
        ("admin", "admin", ""),
    ],
)
def test_a_question_says_who_decides_it_to_those_who_do_not(open_page: SignIn, role: str, asked: str, who: str) -> None:
    run = make_run(status="waiting", steps={"greet": "waiting"})
    Step.objects.filter(run=run).update(wait_role=asked, wait_message="Shall it be?")
    page = open_page(f"/runs/{run.pk}", role=role)
    waiting = page.locator("#step-greet .step-wait")
    expect(waiting).to_contain_text("Shall it be?")
    expect(waiting.get_by_text("must decide.")).to_have_count(1)
    expect(waiting.get_by_text("must decide.")).to_be_visible(visible=bool(who))
    expect(waiting.get_by_role("button", name="Approve")).to_have_count(0 if who else 1)
    if who:
        expect(waiting).to_contain_text(who)


def test_ticks_are_not_offered(open_page: SignIn) -> None:
    make_run(status="success")
    for role, is_offered in (("operator", True), ("viewer", False)):
        page = open_page(role=role)
        expect(page.locator("#light")).to_have_text("live")
        page.keyboard.press("j")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_contain_text("Next")
        assert ("Select" in str(page.locator("#keys").text_content())) is is_offered
