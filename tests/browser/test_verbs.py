"""Starting, retrying, deciding and comparing, as people do it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from runs.models import Event, Run
from tests.factories import ASKS, make_lane, make_plan, make_session, put_step, start
from tests.runs.helpers import drive

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn

DEPLOY = """
pulser: 1
slug: deploy
title: Deploy
description: Ships **one** service.
params:
  type: object
  required: [service, hosts]
  properties:
    service: {type: string, title: Service, pattern: '^[a-z]+$'}
    replicas: {type: integer, title: Replicas, minimum: 1, default: 3}
    hosts:
      type: array
      title: Hosts
      items:
        type: object
        title: Host
        required: [name]
        properties:
          name: {type: string, title: Name}
          ports: {type: array, title: Ports, items: {type: integer, maximum: 65535}}
    target:
      title: Target
      oneOf:
        - {type: string, title: A name}
        - {type: object, title: An address, properties: {port: {type: integer, title: Port, default: 80}}}
retry: {max_attempts: 1}
steps:
  - {id: build, uses: shell, with: {run: "echo built"}}
  - {id: ship, needs: [build], uses: shell, effect: irreversible, with: {run: "echo shipped"}}
  - id: check
    needs: [ship]
    uses: shell
    with: {env: {REPLICAS: "{{ params.replicas }}"}, run: 'echo "found $REPLICAS"; [ "$REPLICAS" -gt 3 ]'}
"""
PARAMS = {"service": "billing", "hosts": [{"name": "a"}]}


def offer() -> None:
    """The plan, and a house that it can run in."""
    make_lane(), make_session(), make_plan(DEPLOY)


def failed() -> Run:
    return drive(start(DEPLOY, params=PARAMS))


def retry_dialog(page: Page) -> Page:
    page.locator("#run-head").get_by_role("button", name="Retry").click()
    expect(page.locator("#dialog form.retry")).to_be_visible()
    return page


def test_a_form_with_nested_lists_starts_a_run_with_exactly_that(open_page: SignIn) -> None:
    offer()
    page = open_page("/plans/deploy/")
    page.get_by_label("Service").fill("billing")
    page.get_by_role("button", name="Add to Hosts").click()
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("first")
    page.get_by_role("button", name="Add to Ports").click()
    expect(page.locator('[name="p.hosts.0.ports.0"]')).to_be_focused()
    page.keyboard.type("80")
    page.get_by_role("button", name="Add to Ports").click()
    page.locator('[name="p.hosts.0.ports.1"]').fill("443")
    page.get_by_role("button", name="Move Ports 2 up").click()
    expect(page.locator('.item input[type="number"]').first).to_have_value("443")
    page.get_by_label("Target").select_option("An address")
    expect(page.get_by_label("Port optional")).to_have_value("80")
    page.locator(".end").get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    assert Run.objects.get().params == {
        "service": "billing",
        "replicas": 3,
        "hosts": [{"name": "first", "ports": [443, 80]}],
        "target": {"port": 80},
    }


def test_errors_stand_beside_their_fields_and_the_cursor_goes_to_the_first(open_page: SignIn, picture: Picture) -> None:
    offer()
    page = open_page("/plans/deploy/?p.service=UPPER&p.hosts=[{}]")
    page.locator(".end").get_by_role("button", name="Start").click()
    expect(page.get_by_label("Service")).to_be_focused()
    expect(page.get_by_label("Service")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name")).to_have_accessible_description("`name` is missing")
    expect(page.locator(".errors li")).to_have_count(2)
    picture(page, "plan-errors")
    assert Run.objects.count() == 0


def test_enter_in_a_field_starts_the_run_and_removes_no_row(open_page: SignIn) -> None:
    offer()
    page = open_page('/plans/deploy/?p.service=billing&p.hosts=[{"name":"a"},{"name":"b"}]')
    page.get_by_label("Service").press("Enter")
    page.wait_for_url("**/runs/*")
    assert [host["name"] for host in Run.objects.get().params["hosts"]] == ["a", "b"]


def test_a_link_with_the_values_opens_the_form_as_it_was(open_page: SignIn) -> None:
    offer()
    page = open_page("/plans/deploy/")
    page.get_by_label("Service").fill("billing")
    page.get_by_label("Replicas").fill("7")
    page.get_by_role("button", name="Link with these values").click()
    page.goto(page.locator("#params-link").text_content() or "")
    expect(page.get_by_label("Service")).to_have_value("billing")
    expect(page.get_by_label("Replicas")).to_have_value("7")


def test_the_form_may_be_written_as_json(open_page: SignIn) -> None:
    offer()
    page = open_page("/plans/deploy/?p.service=billing")
    page.get_by_role("button", name="As JSON").click()
    page.get_by_label("Params").fill('{"service": "search", "hosts": [{"name": "b"}]}')
    page.get_by_role("button", name="As a form").click()
    expect(page.get_by_label("Service")).to_have_value("search")
    expect(page.get_by_label("Name")).to_have_value("b")


def test_one_enter_retries_from_the_failed_steps(open_page: SignIn) -> None:
    run = failed()
    page = retry_dialog(open_page(f"/runs/{run.pk}"))
    expect(page.locator("#dialog")).to_contain_text("This run continues: 1 step runs again, 2 keep their results.")
    expect(page.locator("#dialog").get_by_role("button", name="Retry")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).not_to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("retried")
    expect(page.locator("#run-head")).to_have_attribute("data-status", "queued")


def test_a_run_is_retried_from_a_chosen_step(open_page: SignIn, picture: Picture) -> None:
    run = failed()
    page = retry_dialog(open_page(f"/runs/{run.pk}"))
    page.get_by_label("From a chosen step").check()
    page.get_by_label("ship").check()
    expect(page.locator("#dialog .warnings")).to_contain_text("ship Irreversible, and already succeeded")
    expect(page.get_by_label("ship")).to_be_focused()
    picture(page, "retry-from-step")
    page.locator("#dialog").get_by_role("button", name="Retry").click()
    expect(page.locator("#dialog")).not_to_be_visible()
    assert Event.objects.get(run=run, kind="run.retried").data["steps"] == ["ship", "check"]


def test_a_refusal_in_the_dialog_has_the_keyboard(open_page: SignIn) -> None:
    run = failed()
    page = retry_dialog(open_page(f"/runs/{run.pk}"))
    Run.objects.filter(pk=run.pk).update(status="running", finished_at=None)
    page.keyboard.press("Enter")
    expect(page.locator("#dialog .errors")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#run-head [data-verb]").first).to_be_focused()


def test_a_run_begins_anew_with_other_params(open_page: SignIn, picture: Picture) -> None:
    run = failed()
    page = retry_dialog(open_page(f"/runs/{run.pk}"))
    page.get_by_label("From the beginning").check()
    replicas = page.locator('[data-field="p.replicas"]')
    expect(replicas.locator(".was")).not_to_be_visible()
    page.get_by_label("Replicas").fill("5")
    expect(replicas.locator(".was")).to_have_text("Was 3")
    picture(page, "retry-params")
    page.get_by_label("Replicas").fill("3")
    expect(replicas.locator(".was")).not_to_be_visible()
    page.get_by_label("Replicas").fill("0")
    page.get_by_role("button", name="Start a new run").click()
    expect(page.get_by_label("Replicas")).to_have_accessible_description("at least 1 Was 3 expected at least 1, got 0")
    expect(page.get_by_label("Replicas")).to_be_focused()
    page.get_by_label("Replicas").fill("5")
    page.get_by_role("button", name="Start a new run").click()
    page.wait_for_url(lambda url: "/runs/" in url and str(run.pk) not in url)
    new = Run.objects.get(parent=run)
    assert new.params == PARAMS | {"replicas": 5}
    expect(page.locator("#run-head")).to_contain_text(run.short_id)


def test_two_people_share_an_inbox(open_page: SignIn, picture: Picture) -> None:
    first, second = drive(start(ASKS, title="First")), drive(start(ASKS, title="Second"))
    alice, bob = open_page("/inbox"), open_page("/inbox")
    expect(alice.locator(".bar-nav .badge")).to_contain_text("2")
    question = alice.locator(f"#question-{first.pk}-sign-off")
    question.get_by_label("Comment").fill("looked at it")
    picture(alice, "inbox")
    question.get_by_role("button", name="Approve").click()
    expect(question).to_have_count(0)
    assert Event.objects.get(run=first, kind="approval.given").data["comment"] == "looked at it"

    bob.locator(f"#question-{first.pk}-sign-off").get_by_role("button", name="Reject").click()
    expect(bob.locator('.toast[data-tone="refused"]')).to_contain_text("already approved by")
    expect(bob.locator(".question")).to_have_count(1)
    expect(bob.locator(f"#question-{second.pk}-sign-off")).to_be_visible()


def test_a_comment_that_is_being_written_survives_the_refresh(open_page: SignIn) -> None:
    run = drive(start(ASKS))
    page = open_page("/inbox")
    comment = page.locator(f"#question-{run.pk}-sign-off").get_by_label("Comment")
    comment.fill("half a thou")
    page.evaluate("window.before = document.getElementById('inbox')")
    other = drive(start(ASKS, title="Another"))
    page.evaluate("document.body.dispatchEvent(new CustomEvent('board-changed'))")
    expect(page.locator(f"#question-{other.pk}-sign-off")).to_be_visible()
    assert page.evaluate("document.getElementById('inbox') !== window.before")
    expect(comment).to_have_value("half a thou")
    expect(comment).to_be_focused()


def test_the_inbox_is_worked_off_with_the_keyboard(open_page: SignIn) -> None:
    run = drive(start(ASKS))
    page = open_page("/inbox")
    page.keyboard.press("j")
    page.keyboard.press("Tab")
    page.keyboard.type("typed")
    page.keyboard.press("Enter")  # decides nothing
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing is waiting for you")).to_be_visible()
    assert Event.objects.get(run=run, kind="approval.given").data["comment"] == "typed"


def test_after_a_decision_the_keyboard_stands_on_the_next_question(open_page: SignIn) -> None:
    runs = [drive(start(ASKS, title=title)) for title in ("First", "Second", "Third")]
    page = open_page("/inbox")
    page.keyboard.press("j")
    for run in runs:
        expect(page.locator(".question-head a").first).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(f"#question-{run.pk}-sign-off")).to_have_count(0)
    expect(page.get_by_role("heading", name="Nothing is waiting for you")).to_be_visible()


def test_a_failed_run_is_held_against_the_last_success(open_page: SignIn, picture: Picture) -> None:
    drive(start(DEPLOY, params=PARAMS | {"replicas": 5}))
    page = open_page(f"/runs/{failed().pk}")
    page.get_by_role("link", name="Compare").click()
    expect(page.locator(".pairs tr.differs").first).to_have_text("replicas differs 53")
    expect(page.locator(".log-diff [data-tone=changed]")).to_contain_text("found 5found 3")
    picture(page, "compare")


def test_runs_are_compared_one_after_another_with_the_arrow_keys(open_page: SignIn) -> None:
    others = [drive(start(DEPLOY, params=PARAMS, title=f"Deploy {number}")) for number in range(4)]
    page = open_page(f"/runs/compare?a={failed().pk}&b={others[3].pk}")
    page.get_by_label("With").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Deploy 0")).to_be_visible()
    expect(page.get_by_label("With")).to_be_focused()
    expect(page).to_have_url(re.compile(f"b={others[0].pk}"))


def test_steps_of_two_runs_fit_a_phone(open_page: SignIn) -> None:
    drive(start(DEPLOY, params=PARAMS | {"replicas": 5}))
    page = open_page(f"/runs/compare?a={failed().pk}", width=360)
    cut = "(box) => box.scrollWidth > box.clientWidth"
    assert page.locator(".scroll:has(.step-pairs)").evaluate(cut) is False
    expect(page.locator(".step-pairs tbody tr").last).to_contain_text("check")


def test_a_viewer_sees_forms_and_presses_nothing(open_page: SignIn) -> None:
    run = failed()
    page = open_page(f"/runs/{run.pk}", role="viewer")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    page.goto("/plans/deploy/")
    expect(page.get_by_label("Service")).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: SignIn, theme: str) -> None:
    good, bad = drive(start(DEPLOY, params=PARAMS | {"replicas": 5})), failed()
    drive(start(ASKS))
    page = open_page("/plans/", theme=theme)
    for path in (
        "/plans/",
        '/plans/deploy/?p.hosts=[{"name":"a","ports":[1,2]}]&p.target={"port":1}&p.replicas=many',
        "/inbox",
        f"/runs/compare?a={good.pk}&b={bad.pk}",
        f"/runs/{bad.pk}/retry?way=again",
        f"/runs/{bad.pk}/retry?way=step&start=ship",
    ):
        page.goto(path)
        found = Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(path, each["id"], each["nodes"][0]["html"][:200]) for each in serious] == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(open_page: SignIn, picture: Picture, width: int, theme: str) -> None:
    run = failed()
    Run.objects.filter(pk=run.pk).update(title="W" * 300)
    asked = start(ASKS, title="M" * 400)
    drive(asked)
    put_step(asked, "sign-off", "waiting", wait_message="x" * 900)
    page = open_page("/plans/deploy/?p.hosts=[{}]&p.target={}", width=width, theme=theme)
    for name, path in (
        ("plan", page.url),
        ("plans", "/plans/"),
        ("inbox", "/inbox"),
        ("compare", f"/runs/compare?a={run.pk}&b={start(DEPLOY, params=PARAMS).pk}"),
        ("retry", f"/runs/{run.pk}/retry?way=again"),
    ):
        page.goto(path)
        picture(page, f"{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
