"""The three views of the board: the newest of each lane, a table by pages, a timeline."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from runs.models import Run
from runs.queries.lists import board as shown
from runs.queries.lists.board import board_runs, cursor_after, read_timeline, table_page
from runs.queries.lists.filters import RunFilters
from tests.factories import make_actor, make_lane, make_run

pytestmark = pytest.mark.django_db

VIEWER, STRANGER = make_actor("viewer"), make_actor("")
NOW = datetime.fromisoformat("2026-11-21T12:00:00Z")


def titles(runs: object) -> list[str]:
    return [str(run) for run in runs]  # type: ignore[attr-defined]


class TestLanes:
    @pytest.fixture(autouse=True)
    def _three_of_a_lane(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A busy lane A, in which every second run fails, and two runs in a quiet lane B."""
        monkeypatch.setattr(shown, "BOARD_RUNS_PER_LANE", 3)
        monkeypatch.setattr(shown, "BOARD_RUNS_SEEN", 5)
        for number in range(2):
            make_run(title=f"B{number}", lane="B", status="error")
        for number in range(8):
            make_run(title=f"A{number}", status="error" if number % 2 else "success")

    def test_a_quiet_lane_shows_its_runs_beside_a_busy_one(self) -> None:
        assert titles(board_runs(VIEWER)) == ["A7", "A6", "A5", "B1", "B0"]

    def test_filters_narrow_each_lane(self) -> None:
        assert titles(board_runs(VIEWER, RunFilters(status=("error",)))) == ["A7", "A5", "A3", "B1", "B0"]
        assert titles(board_runs(VIEWER, RunFilters(lane=("B", "C")))) == ["B1", "B0"]
        assert titles(board_runs(VIEWER, RunFilters(q="a1"))) == ["A1"]

    def test_an_empty_lane_shows_nothing(self) -> None:
        make_lane("Z")
        assert titles(board_runs(VIEWER, RunFilters(lane=("Z",)))) == []

    @pytest.mark.parametrize("filters", [RunFilters(plan=("nothing",)), RunFilters(problems=("no",))])
    def test_where_nothing_matches_the_board_is_empty(self, filters: RunFilters) -> None:
        assert titles(board_runs(VIEWER, filters)) == []

    def test_what_comes_after_a_lane_is_a_page_for_that_lane(self) -> None:
        of_a = RunFilters(lane=("A",))
        last = board_runs(VIEWER, of_a).reverse()[0]
        assert titles(table_page(VIEWER, of_a, after=cursor_after(last, of_a), limit=3).runs) == ["A4", "A3", "A2"]


class TestTable:
    @pytest.fixture(autouse=True)
    def _five(self) -> None:
        for number in range(5):
            make_run(title=f"R{number}")

    def test_pages_follow_one_another_to_the_end(self) -> None:
        seen, cursor = [], ""
        while True:
            page = table_page(VIEWER, after=cursor, limit=2)
            seen += titles(page.runs)
            cursor = page.next
            if not cursor:
                break
        assert seen == ["R4", "R3", "R2", "R1", "R0"]

    def test_a_last_page_that_is_full_leads_nowhere(self) -> None:
        assert table_page(VIEWER, limit=5).next == ""

    @pytest.mark.parametrize("filters", [RunFilters(lane=("A",)), RunFilters(archived=True), RunFilters(q="R")])
    def test_a_cursor_of_other_filters_is_refused_in_words(self, filters: RunFilters) -> None:
        page = table_page(VIEWER, filters, after=table_page(VIEWER, limit=2).next)
        assert (page.runs, page.next) == ([], "")
        assert page.problem == "the cursor belongs to another list or other filters: start without a cursor"

    @pytest.mark.parametrize("cursor", ["made-up", "a:b:c", "\0", "ü", "x" * 5000])
    def test_what_is_no_cursor_is_said(self, cursor: str) -> None:
        page = table_page(VIEWER, after=cursor)
        assert page.problem == "invalid cursor: use `next` of the previous page unchanged"

    def test_a_run_that_is_archived_between_pages_is_left_out(self) -> None:
        first = table_page(VIEWER, limit=2)
        Run.objects.filter(title="R2").update(status="success", finished_at=timezone.now(), archived_at=timezone.now())
        assert titles(table_page(VIEWER, after=first.next, limit=2).runs) == ["R1", "R0"]

    def test_strangers_see_no_rows(self) -> None:
        assert table_page(STRANGER).runs == []


class TestTimeLine:
    def found(self, filters: RunFilters = RunFilters(), *, hours: int = 1) -> list[str]:  # noqa: B008  # a constant
        line = read_timeline(VIEWER, filters, since=NOW - timedelta(hours=hours), until=NOW)
        return [bar.title for bar in line.bars]

    def at(self, title: str, created: int, ended: int | None = None, **fields: str) -> None:
        """A run by minutes before now."""
        times = {"created_at": NOW - timedelta(minutes=created), "queued_at": NOW - timedelta(minutes=created)}
        status = "running" if ended is None else "success"
        over = {} if ended is None else {"finished_at": NOW - timedelta(minutes=ended)}
        make_run(title=title, status=status, started_at=times["created_at"], **times, **over, **fields)

    def test_runs_that_were_there_are_bars(self) -> None:
        self.at("over before", 200, 90)
        self.at("reaches in", 120, 50)
        self.at("within", 40, 30)
        self.at("goes on", 600)
        self.at("later", -5)
        assert self.found() == ["within", "reaches in", "goes on"]

    def test_filters_apply(self) -> None:
        self.at("a", 10, 5)
        self.at("b", 9, 5, lane="B")
        assert self.found(RunFilters(lane=("B",))) == ["b"]
        assert self.found(RunFilters(problems=("no",))) == []

    def test_a_lane_with_too_many_is_cut_and_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shown, "BARS_PER_LANE", 2)
        for minutes in (30, 20, 10):
            self.at(f"{minutes}", minutes + 1, minutes)
        self.at("b", 5, 4, lane="B")
        line = read_timeline(VIEWER, RunFilters(), since=NOW - timedelta(hours=1), until=NOW)
        assert [bar.title for bar in line.bars] == ["b", "10", "20"]
        assert line.cut == {make_lane("A").pk}

    def test_strangers_see_no_bars(self) -> None:
        self.at("a", 10)
        line = read_timeline(STRANGER, RunFilters(), since=NOW - timedelta(hours=1), until=NOW)
        assert line.bars == []
