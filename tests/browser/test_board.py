from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from django.contrib.sessions.models import Session as LoginSession
from django.utils import timezone
from playwright.sync_api import expect

from controlroom.demo import source_of
from runs.commands import cancel
from runs.models import Run, Worker
from tests.browser.pages import live
from tests.factories import make_actor, make_lane, make_plan, make_run, make_session, make_token, make_user, start

if TYPE_CHECKING:
    from tests.browser.conftest import Picture, SignIn, Wire

TWO = """
pulser: 1
slug: two
title: Two
steps:
  - {id: one, uses: shell, with: {run: "true"}}
  - {id: two, needs: [one], uses: shell, with: {run: "true"}}
"""


def alive() -> None:
    """A worker that was heard of just now."""
    now = timezone.now()
    Worker.objects.create(name="w", host="h", pid=1, slots=1, started_at=now, seen_at=now)


def test_nobody_sees_the_board_before_signing_in(open_page: SignIn) -> None:
    make_user("operator", name="olivia")
    page = open_page("/", role=None)
    page.get_by_label("Username").fill("olivia")
    page.get_by_label("Password").fill("secret-enough")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Board")).to_be_attached()


def test_a_new_run_appears_without_a_reload(open_page: SignIn) -> None:
    start(lane="A")
    page = live(open_page())
    page.evaluate("window.stayed = true")
    run = start(lane="A", title="Brand new")
    expect(page.locator(f'[data-lane-cards="A"] > #run-{run.pk}')).to_contain_text("Brand new")
    assert page.locator('[data-lane-cards="A"] > .card').first.get_attribute("data-run") == str(run.pk)
    assert page.evaluate("window.stayed") is True


def test_a_posted_hook_makes_a_card_appear_on_an_open_board(open_page: SignIn, daphne: str) -> None:
    make_lane("A"), make_session()
    make_plan(source_of("checkup", checkout=Path.cwd()))
    page = live(open_page())
    page.evaluate("window.stayed = true")
    bearer = {"Authorization": f"Bearer {make_token('operator')}"}

    answer = httpx.post(f"{daphne}/api/v1/hooks/checkup", headers=bearer, timeout=60, trust_env=False)

    assert answer.status_code == 202
    expect(page.locator(f"#run-{answer.json()['id']}")).to_contain_text("Checkup")
    assert page.evaluate("window.stayed") is True


def test_lane_heads_pills_and_places_in_line_follow(open_page: SignIn) -> None:
    lane = make_lane("A", limit=1)
    alive()
    make_run(lane=lane, status="running", steps={"greet": "running"})
    first = start(lane=lane)
    page = live(open_page())
    expect(page.locator(f"#why-{first.pk}")).to_contain_text("lane A is full (1 of 1); next in queue")
    urgent = start(lane=lane, priority=9)
    expect(page.locator("#pill-queued")).to_contain_text("2")
    expect(page.locator(".lane-head").first).to_contain_text("2 queued")
    expect(page.locator(f"#why-{urgent.pk}")).to_contain_text("next in queue")
    expect(page.locator(f"#why-{first.pk}")).to_contain_text("2nd in queue")


def test_cancel_is_shown_at_once(open_page: SignIn) -> None:
    run = start()
    page = live(open_page())
    page.locator(f"#run-{run.pk}").get_by_role("button", name="Cancel").click()
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "cancelled")
    expect(page.locator("#toasts")).to_contain_text("cancel requested")


def test_retry_makes_a_failed_run_go_again(open_page: SignIn) -> None:
    run = make_run(status="error", steps={"greet": "error"})
    page = live(open_page())
    page.locator(f"#run-{run.pk}").get_by_role("button", name="Retry").click()
    expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "queued")


def test_an_archived_card_leaves_and_undo_brings_it_back(open_page: SignIn) -> None:
    run = make_run(status="success", title="Done and dusted")
    page = live(open_page())
    page.locator(f"#run-{run.pk}").get_by_role("button", name="Archive").click()
    expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"#run-{run.pk}")).to_be_visible()
    run.refresh_from_db()
    assert run.archived_at is None


def test_a_refusal_says_why(open_page: SignIn, wire: Wire) -> None:
    wire.cut()  # so that the page still offers what is over
    run = make_run(status="running", steps={"greet": "running"})
    page = open_page(wire=wire)
    Run.objects.filter(pk=run.pk).update(status="success", finished_at=timezone.now())
    page.locator(f"#run-{run.pk}").get_by_role("button", name="Cancel").click()
    expect(page.locator('.toast[data-tone="refused"]')).to_contain_text("success")


def test_a_viewer_sees_no_buttons(open_page: SignIn) -> None:
    run = make_run(status="error")
    page = live(open_page(role="viewer"))
    expect(page.locator(f"#run-{run.pk}")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    expect(page.get_by_role("link", name="Start a run")).to_have_count(0)


def test_runs_of_other_sessions_stay_away(open_page: SignIn) -> None:
    mine = make_session("incident")
    page = live(open_page(f"/?session={mine.pk}"))
    other = start(session="elsewhere")
    ours = start(session="incident")
    expect(page.locator(f"#run-{ours.pk}")).to_be_visible()
    expect(page.locator(f"#run-{other.pk}")).to_have_count(0)


def test_what_happened_while_offline_is_caught_up(open_page: SignIn, wire: Wire) -> None:
    known = start()
    page = live(open_page(wire=wire))
    page.evaluate("window.stayed = true")
    wire.cut()
    expect(page.locator("#light")).to_have_text("offline")
    new = start(title="In the meantime")
    cancel(str(known.pk), actor=make_actor())
    wire.mend()
    expect(page.locator(f"#run-{new.pk}")).to_be_visible()
    expect(page.locator(f"#run-{known.pk}")).to_have_attribute("data-status", "cancelled")
    expect(page.locator("#light")).to_have_text("live")
    assert page.evaluate("window.stayed") is True


def test_whoever_is_signed_out_is_led_to_the_door(open_page: SignIn) -> None:
    page = live(open_page())
    LoginSession.objects.all().delete()
    page.wait_for_url("**/login?next=/")


def test_a_run_is_started_from_its_plan(open_page: SignIn) -> None:
    start(TWO)
    page = open_page("/plans/")
    page.get_by_role("link", name="Start").click()
    page.get_by_text("Title, lane, session, environment").click()
    page.get_by_label("Title").fill("By hand")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("By hand")


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(open_page: SignIn, picture: Picture, width: int, theme: str) -> None:
    make_run(title="W" * 300, status="error", reason="x" * 400)
    make_run(source=TWO, status="running", steps={"one": "success", "two": "running"})
    page = live(open_page(role="admin", width=width, theme=theme))  # nobody's bar has more in it
    picture(page, f"board-{theme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.getElementById('light').textContent = 'catching up'")  # the longest of its words
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_card_cuts_who_started_it_before_the_plan(open_page: SignIn) -> None:
    make_run(
        source=TWO.replace("slug: two", "slug: release-check"), actor="somebody whose name is rather long and longer"
    )
    page = live(open_page(width=360))
    plan, who = page.locator(".card-line .plan"), page.locator(".card-line .who")
    assert plan.evaluate("part => part.scrollWidth <= part.clientWidth")
    assert who.evaluate("part => part.scrollWidth > part.clientWidth")


def test_progress_moves_on_without_the_server_and_turns_when_it_is_over(open_page: SignIn, wire: Wire) -> None:
    wire.cut()
    version, now = make_plan(), timezone.now()
    make_run(version=version, status="success", started_at=now - timedelta(seconds=6), finished_at=now)
    run = make_run(version=version, status="running", started_at=timezone.now(), steps={"greet": "running"})
    page = open_page(wire=wire)
    bar = page.locator(f"#run-{run.pk} progress")
    before = bar.evaluate("bar => bar.value")
    page.wait_for_function("([bar, before]) => bar.value > before", arg=[bar.element_handle(), before])
    expect(bar).to_have_attribute("aria-label", "running longer than usual: usually takes 6 s")
    expect(page.locator(f"#run-{run.pk} .pace")).to_have_attribute("data-over", "")
    expect(page.locator(f"#run-{run.pk} .pace")).to_have_text("longer than usual")


def test_the_cards_beside_a_paused_lane_begin_at_its_height(open_page: SignIn) -> None:
    start(lane="A")
    start(lane=make_lane("B", paused=True, paused_reason="maintenance until 14:00, " * 9))
    page = live(open_page())
    tops = page.locator(".lane-cards").evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
    assert len(set(tops)) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_lane_with_a_long_name_keeps_to_one_line(open_page: SignIn) -> None:
    start(lane=make_lane("Nightly exports of all the shops and their reports"))
    start(lane="B")
    page = live(open_page(width=820))
    heights = page.locator(".lane-head").evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)")
    assert len(set(heights)) == 1


def test_a_toast_has_room_for_its_button_whatever_the_title(open_page: SignIn) -> None:
    run = make_run(status="success", title="word " * 99)
    page = live(open_page(width=360))
    page.locator(f"#run-{run.pk}").get_by_role("button", name="Archive").click()
    expect(page.locator(".toast")).to_contain_text("… archived")
    assert len(page.locator(".toast > span").inner_text()) < 100


def test_more_cards_of_a_lane_are_appended(open_page: SignIn) -> None:
    version = make_plan()
    runs = [start(version=version, lane="A") for _ in range(33)]
    page = live(open_page())
    expect(page.locator(".card")).to_have_count(30)
    page.get_by_role("link", name="Show more").click()
    expect(page.locator('[data-lane-cards="A"] > .card')).to_have_count(33)
    assert page.locator(".card").last.get_attribute("data-run") == str(runs[0].pk)
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)


@pytest.mark.parametrize("view", ["lanes", "table"])
def test_a_title_of_five_hundred_characters_and_markup_stay_in_their_place(open_page: SignIn, view: str) -> None:
    make_run(title="x" * 500, status="error", reason="y" * 400)
    make_run(title="<b onclick=alert(1)>bold</b>")
    page = live(open_page(f"/?view={view}", width=360))
    expect(page.get_by_role("link", name="<b onclick=alert(1)>bold</b>")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    heights = page.locator("[data-run]").evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)")
    assert max(heights) < 160


def test_on_a_phone_the_lanes_are_swiped_one_at_a_time(open_page: SignIn, picture: Picture) -> None:
    start(lane="A")
    start(lane="B")
    page = live(open_page(width=360))
    picture(page, "board-phone")
    lane = page.locator(".lane").first
    assert 300 < lane.evaluate("lane => lane.getBoundingClientRect().width") < 360
    assert page.locator(".lanes").evaluate("lanes => lanes.scrollWidth > lanes.clientWidth")
