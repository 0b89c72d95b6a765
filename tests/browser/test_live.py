"""What an open page shows stays true: with filters, after cuts and restarts, beside others, and under the hands."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from runs import hints
from runs.commands import archive, cancel
from runs.models import Event, Run
from runs.queries.lists.board import BOARD_RUNS_PER_LANE
from tests.factories import make_actor, make_lane, make_plan, make_run, say, start
from tests.runs.helpers import drive
from tests.servers import database_url

if TYPE_CHECKING:
    from tests.browser.conftest import SignIn, Wire

START_S = 120.0
THREE = """
pulser: 1
slug: three
title: Three
steps:
  - {id: one, uses: shell, with: {run: "echo one"}}
  - {id: two, needs: [one], uses: shell, with: {run: "echo two"}}
  - {id: three, needs: [two], uses: shell, with: {run: "echo three"}}
"""


def live(page: Page) -> Page:
    """Open, caught up, and marked, so that a reload would be noticed."""
    expect(page.locator("#light")).to_have_text("live")
    page.evaluate("window.stayed = true")
    return page


def was_not_reloaded(page: Page) -> bool:
    return page.evaluate("window.stayed") is True


def cancel_run(run: Run) -> None:
    cancel(str(run.pk), actor=make_actor())


def tell(run: Run, kind: str = "run.started") -> None:
    hints.publish(str(run.pk), seq=say(run, kind).seq)


def shown(page: Page) -> list[str | None]:
    return [one.get_attribute("data-run") for one in page.locator("[data-run]").all()]


class TestFilters:
    @pytest.mark.parametrize("view", ["lanes", "table"])
    def test_a_run_that_stops_matching_leaves(self, open_page: SignIn, view: str) -> None:
        run, other = start(), start()
        page = live(open_page(f"/?status=queued&view={view}"))
        expect(page.locator(f"#run-{run.pk}")).to_be_visible()
        cancel_run(run)
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
        expect(page.locator(f"#run-{other.pk}")).to_be_visible()
        assert was_not_reloaded(page)

    @pytest.mark.parametrize("view", ["lanes", "table"])
    def test_a_run_that_begins_to_match_appears(self, open_page: SignIn, view: str) -> None:
        run = start()
        page = live(open_page(f"/?status=cancelled&view={view}"))
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
        cancel_run(run)
        expect(page.locator(f"#run-{run.pk}")).to_be_visible()
        assert was_not_reloaded(page)

    def test_other_filters_are_followed_from_then_on(self, open_page: SignIn) -> None:
        run = start()
        page = live(open_page("/?status=queued"))
        page.locator("#pills").get_by_role("link", name="Cancelled").click()
        page.wait_for_url("**status=cancelled**")
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
        cancel_run(run)
        expect(page.locator(f"#run-{run.pk}")).to_be_visible()
        assert was_not_reloaded(page)

    def test_an_archived_run_leaves_the_boards_of_others(self, open_page: SignIn) -> None:
        run = make_run(status="success")
        page = live(open_page())
        archive(str(run.pk), actor=make_actor())
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)

    def test_what_was_fetched_later_leaves_as_well(self, open_page: SignIn) -> None:
        version, lane = make_plan(), make_lane("A")
        oldest, *_ = [start(version=version, lane=lane) for _ in range(BOARD_RUNS_PER_LANE + 2)]
        page = live(open_page("/?status=queued"))
        expect(page.locator(f"#run-{oldest.pk}")).to_have_count(0)
        page.get_by_role("link", name="Show more").click()
        expect(page.locator(f"#run-{oldest.pk}")).to_be_visible()
        cancel_run(oldest)
        expect(page.locator(f"#run-{oldest.pk}")).to_have_count(0)

    def test_filters_that_mean_nothing_show_nothing_and_stay_connected(self, open_page: SignIn) -> None:
        page = live(open_page("/?status=odd"))
        start()
        start(title="Beside it")
        expect(page.locator("#light")).to_have_text("live")
        expect(page.locator("[data-run]")).to_have_count(0)


class TestViews:
    def test_a_new_run_is_the_first_row_of_the_table(self, open_page: SignIn) -> None:
        start()
        page = live(open_page("/?view=table"))
        run = start(lane="B", title="Brand new")
        expect(page.locator("#rows > .row").first).to_have_attribute("data-run", str(run.pk))
        expect(page.locator("#rows > .row")).to_have_count(2)
        assert was_not_reloaded(page)

    def test_the_first_run_ever_appears_in_the_table(self, open_page: SignIn) -> None:
        make_lane()
        page = live(open_page("/?view=table"))
        run = start()
        expect(page.locator(f"#run-{run.pk}")).to_be_visible()
        assert was_not_reloaded(page)

    def test_a_new_run_appears_on_the_time_line(self, open_page: SignIn) -> None:
        start()
        page = live(open_page("/?view=timeline"))
        run = start(title="Brand new")
        expect(page.locator(f'#timeline a[href$="{run.pk}"]')).to_be_attached()
        assert was_not_reloaded(page)

    def test_a_run_in_a_lane_that_is_new_appears(self, open_page: SignIn) -> None:
        start(lane="A")
        page = live(open_page())
        run = start(lane="Z")
        expect(page.locator(f'[data-lane-cards="Z"] > #run-{run.pk}')).to_be_visible()
        assert was_not_reloaded(page)


class TestCuts:
    @pytest.mark.parametrize("view", ["lanes", "table"])
    def test_a_filtered_board_is_right_again_after_a_cut(self, open_page: SignIn, wire: Wire, view: str) -> None:
        gone, stays = start(), start()
        page = live(open_page(f"/?status=queued&view={view}", wire=wire))
        wire.cut()
        expect(page.locator("#light")).to_have_text("offline")
        cancel_run(gone)
        new = start()
        wire.mend()
        expect(page.locator(f"#run-{new.pk}")).to_be_visible()
        expect(page.locator(f"#run-{gone.pk}")).to_have_count(0)
        assert shown(page) == [str(new.pk), str(stays.pk)]
        assert was_not_reloaded(page)


class Server:
    """A web server of the test's own, on a port that it keeps over a restart."""

    def __init__(self, database_url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._environment = os.environ | {"DATABASE_URL": database_url, "CONTROLROOM_DB_POOL": "4"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen([*command, "controlroom.asgi:application"], env=self._environment)
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)  # between two looks

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.address}/healthz", timeout=5):
                return True
        except (URLError, ConnectionError, TimeoutError):
            return False

    def kill(self) -> None:
        """Without a word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    made = Server(database_url())
    made.start()
    yield made
    made.kill()


class TestRestart:
    """The web server ends in the middle of a run, and another one takes its place."""

    def test_the_page_of_the_run_misses_no_event_and_doubles_none(self, open_page: SignIn, server: Server) -> None:
        run = start(THREE)
        page = live(open_page(f"{server.address}/runs/{run.pk}"))
        tell(run, "run.resumed")
        expect(page.locator("#event-2")).to_be_attached()
        server.kill()
        expect(page.locator("#light")).to_have_text("offline")
        drive(run)
        server.start()
        last = Run.objects.get(pk=run.pk).seq
        expect(page.locator(f"#event-{last}")).to_be_attached()
        expect(page.locator("#run-head")).to_have_attribute("data-status", "success")
        assert page.locator("#events .seq").all_text_contents() == [str(seq) for seq in range(1, last + 1)]
        assert was_not_reloaded(page)

    def test_the_board_misses_no_run_and_doubles_none(self, open_page: SignIn, server: Server) -> None:
        run = start(THREE)
        page = live(open_page(f"{server.address}/"))
        server.kill()
        expect(page.locator("#light")).to_have_text("offline")
        drive(run)
        new = start(title="In the meantime")
        server.start()
        expect(page.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "success")
        expect(page.locator(f"#run-{new.pk}")).to_be_visible()
        later = start(title="And after")
        expect(page.locator(f"#run-{later.pk}")).to_be_visible()
        assert shown(page) == [str(one.pk) for one in (later, new, run)]
        assert was_not_reloaded(page)


class TestTwoPeople:
    def test_what_one_does_the_other_sees(self, open_page: SignIn) -> None:
        run = start()
        acting, watching = live(open_page()), live(open_page(f"/runs/{run.pk}", role="viewer"))
        board = live(open_page(role="viewer"))
        acting.locator(f"#run-{run.pk}").hover()
        acting.locator(f"#run-{run.pk}").get_by_role("button", name="Cancel").click()
        expect(board.locator(f"#run-{run.pk}")).to_have_attribute("data-status", "cancelled")
        expect(watching.locator("#run-head")).to_have_attribute("data-status", "cancelled")
        assert was_not_reloaded(board)
        assert was_not_reloaded(watching)


class TestUnderTheHands:
    def test_a_card_that_is_drawn_anew_stays_ticked_focused_and_under_the_cursor(self, open_page: SignIn) -> None:
        run = start()
        page = live(open_page())
        card = page.locator(f"#run-{run.pk}")
        card.hover()
        card.locator("input.tick").check()
        card.get_by_role("button", name="Cancel").focus()
        expect(card).to_have_attribute("data-cursor", "")
        tell(run)
        expect(card).to_have_attribute("data-seq", "2")
        expect(card).to_have_attribute("data-cursor", "")
        expect(card.locator("input.tick")).to_be_checked()
        expect(card.get_by_role("button", name="Cancel")).to_be_focused()

    @pytest.mark.parametrize("view", ["lanes", "table"])
    def test_whoever_was_on_a_run_that_leaves_goes_on_with_its_neighbour(self, open_page: SignIn, view: str) -> None:
        older, run = start(title="Older"), start(title="Newer")
        page = live(open_page(f"/?status=queued&view={view}"))
        page.get_by_role("link", name="Newer").focus()
        cancel_run(run)
        expect(page.locator(f"#run-{run.pk}")).to_have_count(0)
        expect(page.get_by_role("link", name="Older")).to_be_focused()
        expect(page.locator(f"#run-{older.pk}")).to_have_attribute("data-cursor", "")


class TestThePast:
    def test_news_is_held_while_a_page_shows_the_past(self, open_page: SignIn) -> None:
        run = start(THREE)
        page = live(open_page(f"/runs/{run.pk}"))
        page.evaluate("addEventListener('live:held', (event) => { window.held = event.detail; }, true)")
        page.evaluate("document.querySelector('[data-live]').dataset.replaying = ''")
        drive(run)
        last = Event.objects.filter(run=run).count()
        page.wait_for_function("seq => window.held?.seq === seq", arg=last)
        assert page.evaluate("window.held.count") == last - 1
        expect(page.locator("#run-head")).to_have_attribute("data-status", "queued")
        page.evaluate("delete document.querySelector('[data-live]').dataset.replaying")
        expect(page.locator("#run-head")).to_have_attribute("data-status", "success")
        assert page.locator("#events .seq").all_text_contents() == [str(seq) for seq in range(1, last + 1)]
