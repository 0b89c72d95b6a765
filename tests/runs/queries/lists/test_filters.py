"""Filters read from a URL, written back to one, and what passes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from runs.models import Run, Session
from runs.queries.lists.filters import RunFilters, fixed, matching, read_filters
from runs.queries.lists.newest import count_each, newest
from runs.queries.lists.zone import seen_from, start_of_day
from tests.factories import make_actor, make_plan, make_run, make_session, put_step

pytestmark = pytest.mark.django_db


def read(query: str) -> RunFilters:
    return read_filters(QueryDict(query))


def titles(filters: RunFilters) -> list[str]:
    return sorted(matching(Run.objects.all(), filters).values_list("title", flat=True))


@pytest.fixture
def red() -> Run:
    """Differs from `blue` in everything that can be asked for."""
    return make_run(
        title="Red roof",
        status="error",
        lane="B",
        session="night",
        version=make_plan(slug="paint"),
        environment="prod",
        trigger="hook",
        created_at=timezone.now() - timedelta(days=2),
    )


@pytest.fixture
def blue() -> Run:
    return make_run(title="Blue sky", status="running", session="day", environment="dev", trigger="api")


@pytest.fixture
def gone() -> Run:
    return make_run(title="Gone", status="success", archived_at=timezone.now())


OF_RED: dict[str, Any] = {
    "status": ("error",),
    "lane": ("B",),
    "plan": ("paint",),
    "environment": ("prod",),
    "trigger": ("hook",),
    "within": "7d",
    "until": datetime.now(UTC) - timedelta(days=1),
    "q": "ROOF",
}


class TestPassing:
    def test_without_filters_all_but_archived_runs_pass(self, red: Run, blue: Run, gone: Run) -> None:
        assert titles(RunFilters()) == ["Blue sky", "Red roof"]

    def test_archived_runs_pass_when_asked_for(self, red: Run, gone: Run) -> None:
        assert titles(RunFilters(archived=True)) == ["Gone", "Red roof"]

    @pytest.mark.parametrize("name", [name for name in OF_RED if name != "within"])
    def test_each_filter_tells_runs_apart(self, red: Run, blue: Run, name: str) -> None:
        assert titles(RunFilters(**{name: OF_RED[name]})) == ["Red roof"]

    def test_a_session_tells_runs_apart(self, red: Run, blue: Run) -> None:
        assert titles(RunFilters(session=(red.session_id,))) == ["Red roof"]

    @pytest.mark.parametrize(("within", "found"), [("24h", ["Blue sky"]), ("7d", ["Blue sky", "Red roof"])])
    def test_a_range_ends_now(self, red: Run, blue: Run, within: str, found: list[str]) -> None:
        assert titles(RunFilters(within=within)) == found

    def test_since_is_in_and_until_is_out(self, red: Run) -> None:
        assert titles(RunFilters(since=red.created_at)) == ["Red roof"]
        assert titles(RunFilters(until=red.created_at)) == []

    def test_values_of_one_filter_are_alternatives(self, red: Run, blue: Run) -> None:
        assert titles(RunFilters(status=("error", "running"))) == ["Blue sky", "Red roof"]

    @pytest.mark.parametrize("pair", list(combinations(OF_RED, 2)), ids=" and ".join)
    def test_two_filters_must_both_be_met(self, red: Run, blue: Run, pair: tuple[str, str]) -> None:
        wanted = RunFilters(**{name: OF_RED[name] for name in pair})
        assert titles(wanted) == ["Red roof"]
        assert titles(wanted.having("session", blue.session_id)) == []

    @pytest.mark.parametrize("name", ["lane", "plan", "trigger"])
    def test_what_nobody_has_lets_nothing_pass(self, red: Run, name: str) -> None:
        assert titles(RunFilters(**{name: ("nothing",)})) == []

    def test_a_known_value_beside_an_unknown_one_passes(self, red: Run) -> None:
        assert titles(RunFilters(lane=("B", "nowhere"))) == ["Red roof"]

    def test_filters_with_problems_let_nothing_pass(self, red: Run) -> None:
        assert titles(RunFilters(problems=("status “done” not found",))) == []


class TestToday:
    """At 21:30 UTC it is half past midnight in Helsinki in summer, half past six in Tokyo, and 16:30 in Lima."""

    NOW = datetime(2026, 7, 1, 21, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("cookies", "began"),
        [
            ({}, datetime(2026, 7, 1, tzinfo=UTC)),
            ({"tz": "Europe/Helsinki"}, datetime(2026, 7, 1, 21, tzinfo=UTC)),
            ({"tz": "America/Lima"}, datetime(2026, 7, 1, 5, tzinfo=UTC)),
            ({"tz": "Asia/Tokyo"}, datetime(2026, 7, 1, 15, tzinfo=UTC)),
            ({"tz": "Asia/Tokyo", "zone": "utc"}, datetime(2026, 7, 1, tzinfo=UTC)),
            ({"tz": "Asia/Tokyo", "zone": "local"}, datetime(2026, 7, 1, 15, tzinfo=UTC)),
            ({"tz": "Mars/Olympus"}, datetime(2026, 7, 1, tzinfo=UTC)),
            ({"tz": "../../etc/passwd"}, datetime(2026, 7, 1, tzinfo=UTC)),
        ],
    )
    def test_a_day_is_that_of_the_readers_zone(
        self, monkeypatch: pytest.MonkeyPatch, cookies: dict[str, str], began: datetime
    ) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: self.NOW)
        make_run(title="before", created_at=began - timedelta(seconds=1))
        make_run(title="in it", created_at=began)
        with seen_from(cookies):
            filters = read("within=today")
        assert titles(filters) == ["in it"]
        assert filters.query == "within=today"

    def test_a_day_begins_when_its_clock_was_put_forward_at_midnight(self) -> None:
        noon = datetime(2026, 4, 24, 9, tzinfo=UTC)  # in Cairo 00:00 did not come, 01:00 did
        assert start_of_day(noon, "Africa/Cairo") == datetime(2026, 4, 23, 22, tzinfo=UTC)

    def test_readers_of_two_zones_ask_for_two_things(self) -> None:
        with seen_from({"tz": "Asia/Tokyo"}):
            there = read("within=today")
        assert there != read("within=today")
        assert there.without("within") == RunFilters()

    def test_work_on_many_keeps_the_day_on_which_it_was_asked_for(self) -> None:
        with seen_from({"tz": "Asia/Tokyo"}):
            lasting = fixed(read("within=today"), self.NOW)
        assert (lasting.within, lasting.since) == ("", datetime(2026, 7, 1, 15, tzinfo=UTC))

    def test_yesterday_ends_where_today_begins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: self.NOW)
        began, ended = datetime(2026, 6, 30, 15, tzinfo=UTC), datetime(2026, 7, 1, 15, tzinfo=UTC)
        for title, created_at in (("before", began - timedelta(seconds=1)), ("in it", began), ("today", ended)):
            make_run(title=title, created_at=created_at)
        with seen_from({"tz": "Asia/Tokyo"}):
            yesterday = read("within=yesterday")
        assert titles(yesterday) == ["in it"]
        assert fixed(yesterday, self.NOW) == RunFilters(since=began, until=ended)

    def test_yesterday_is_as_long_as_its_clock_made_it(self) -> None:
        with seen_from({"tz": "Europe/Berlin"}):
            lasting = fixed(read("within=yesterday"), datetime(2026, 10, 26, 9, tzinfo=UTC))  # 25 hours long
        assert (lasting.since, lasting.until) == (
            datetime(2026, 10, 24, 22, tzinfo=UTC),
            datetime(2026, 10, 25, 23, tzinfo=UTC),
        )

    def test_bounds_that_are_narrower_than_a_day_stay(self) -> None:
        noon = datetime(2026, 6, 30, 12, tzinfo=UTC)
        lasting = fixed(RunFilters(within="yesterday", since=noon, until=noon + timedelta(hours=1)), self.NOW)
        assert (lasting.since, lasting.until) == (noon, noon + timedelta(hours=1))

    @pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima", "Pacific/Kiritimati", "Pacific/Niue"])
    @pytest.mark.parametrize("within", ["today", "yesterday", "30d"])
    def test_no_moment_is_too_early(self, within: str, zone: str) -> None:
        with seen_from({"tz": zone}):
            assert fixed(read(f"within={within}"), datetime.min.replace(tzinfo=UTC)).since is not None


class TestWaitingForAPerson:
    @pytest.fixture(autouse=True)
    def _runs(self) -> None:
        for title, kind, role in (
            ("asks", "approval", "operator"),
            ("parked", "lost", "admin"),
            ("sleeps", "timer", ""),
        ):
            put_step(make_run(title=title, status="waiting"), "greet", "waiting", wait_kind=kind, wait_role=role)
        put_step(make_run(title="asks while it runs", status="running"), "greet", "waiting")
        make_run(title="queued")

    def test_timers_are_no_persons(self) -> None:
        assert titles(RunFilters(waits_for="person")) == ["asks", "asks while it runs", "parked"]

    def test_other_filters_narrow_it(self) -> None:
        assert titles(RunFilters(waits_for="person", status=("running",))) == ["asks while it runs"]
        assert titles(RunFilters(waits_for="person", status=("success",))) == []

    def test_lists_and_counts_agree(self) -> None:
        filters, viewer = RunFilters(waits_for="person"), make_actor("viewer")
        assert sorted(row[0] for row in newest(viewer, filters, "title", limit=9)) == titles(filters)
        assert count_each(viewer, {"": filters}, limit=9) == {"": 3}


class TestTitles:
    @pytest.mark.parametrize("text", ["roo", "d R", "rED rOOF", "Red roof"])
    def test_any_part_of_a_title_is_found(self, red: Run, text: str) -> None:
        assert titles(RunFilters(q=text)) == ["Red roof"]

    @pytest.mark.parametrize("text", ["r", "ro", "re"])
    def test_one_or_two_characters_begin_a_word(self, red: Run, text: str) -> None:
        assert titles(RunFilters(q=text)) == ["Red roof"]

    @pytest.mark.parametrize("text", ["e", "of", "oo"])
    def test_one_or_two_characters_within_a_word_find_nothing(self, red: Run, text: str) -> None:
        assert titles(RunFilters(q=text)) == []

    @pytest.mark.parametrize("text", ["100%", "%", "50_", "_", "\\", "a'b", "#1", "ä", "žlu"])
    def test_signs_and_letters_of_all_kinds_mean_themselves(self, red: Run, text: str) -> None:
        make_run(title=f"Up {text} to 50 of 1009")
        assert titles(RunFilters(q=text)) == [f"Up {text} to 50 of 1009"]


class TestReading:
    def test_all_words_are_read(self) -> None:
        read_one = read(
            "status=error&lane=B&plan=paint&session=7&environment=prod&trigger=hook&within=24h"
            "&since=2026-11-21T12:00:00Z&q=+roof+&archived=1"
        )
        assert read_one == RunFilters(
            status=("error",),
            lane=("B",),
            plan=("paint",),
            session=(7,),
            environment=("prod",),
            trigger=("hook",),
            within="24h",
            since=datetime(2026, 11, 21, 12, tzinfo=UTC),
            q="roof",
            archived=True,
        )

    def test_nothing_asked_is_nothing_narrowed(self) -> None:
        assert not read("").is_narrowed
        assert not read("archived=1&status=all&lane=").is_narrowed

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ("status=done", "status “done” not found"),
            ("environment=moon", "environment “moon” not found"),
            ("session=first", "session “first” not found"),
            ("session=99999999999999999999", "session “99999999999999999999” not found"),
            ("session=-1", "session “-1” not found"),
            ("lane=" + "x" * 101, "lane “" + "x" * 100 + "” not found"),
            ("within=2y", "unknown time range “2y”: choose one of today, yesterday, 1h, 6h, 24h, 7d, 30d"),
            ("waits_for=godot", "unknown waits_for “godot”: use waits_for=person"),
            ("since=yesterday", "since “yesterday” is not a time: use a format like 2026-11-21T12:00:00Z"),
            (
                "until=2026-02-31T00:00:00",
                "until “2026-02-31T00:00:00” is not a time: use a format like 2026-11-21T12:00:00Z",
            ),
        ],
    )
    def test_what_means_nothing_is_said(self, query: str, problem: str) -> None:
        assert read(query).problems == (problem,)

    def test_a_time_without_a_zone_is_in_the_readers(self) -> None:
        with seen_from({"tz": "Europe/Berlin"}):
            assert read("since=2026-11-21T12:00").query == "since=2026-11-21T11%3A00%3A00Z"
            assert read("until=2026-11-21T12:00Z").query == "until=2026-11-21T12%3A00%3A00Z"
        assert read("since=2026-11-21T12:00").query == "since=2026-11-21T12%3A00%3A00Z"

    def test_too_many_values_are_said(self) -> None:
        query = "&".join(f"lane=L{number}" for number in range(51))
        assert read(query).problems == ("at most 50 values of lane are allowed",)

    @pytest.mark.parametrize(
        ("query", "passes"),
        [
            pytest.param("q=%00&lane=%00", True, id="NUL is left out"),
            pytest.param("since=%00", True, id="so is a time of nothing else"),
            pytest.param("lane=%FF", False, id="there is no such lane"),
            pytest.param("q=" + "x" * 5000, False, id="no title is so long"),
            pytest.param("within=%F0%9F%9A%80", False, id="there is no such time range"),
        ],
    )
    def test_no_query_breaks_it(self, query: str, passes: bool) -> None:
        make_run(title="there")
        assert titles(read(query)) == (["there"] if passes else [])


class TestWriting:
    @pytest.mark.parametrize(
        "query",
        [
            "",
            "status=error&status=running",
            "lane=B&q=50%25+off",
            "within=24h&archived=1",
            "session=7&session=12",
            "within=today&waits_for=person",
        ],
    )
    def test_what_was_read_is_written_the_same(self, query: str) -> None:
        assert read(query).query == query

    def test_the_same_filters_give_the_same_text(self) -> None:
        assert (
            read("lane=B&status=running&status=error&lane=B").query == read("status=error&lane=B&status=running").query
        )

    def test_a_moment_of_another_zone_is_written_in_utc(self) -> None:
        assert read("since=2026-11-21T13:00:00%2B01:00").query == "since=2026-11-21T12%3A00%3A00Z"

    def test_one_value_can_be_taken_out_and_others_put_in(self) -> None:
        filters = read("status=error&status=running&lane=B")
        assert filters.without("status", "error").query == "status=running&lane=B"
        assert filters.without("status").query == "lane=B"
        assert filters.having("status", "waiting", "queued").query == "status=queued&status=waiting&lane=B"


def test_filters_survive_the_end_of_what_they_name() -> None:
    session = make_session("short")
    Session.objects.filter(pk=session.pk).delete()
    assert titles(RunFilters(session=(session.pk,))) == []


@pytest.mark.parametrize("query", ["status=odd", "session=x", "since=soon", "within=9y", "status=odd&lane=A"])
def test_an_address_that_means_nothing_is_written_back_as_one(query: str) -> None:
    again = read_filters(QueryDict(read_filters(QueryDict(query)).query))
    assert again.problems == read_filters(QueryDict(query)).problems != ()


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_beyond_all_dates_is_no_time(moment: str) -> None:
    filters = read(f"since={moment}")

    assert (filters.since, len(filters.problems)) == (None, 1)


def test_the_first_and_the_last_moment_can_be_asked_for() -> None:
    asked = read("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59.999999Z")

    assert read(asked.query) == asked
    assert titles(asked) == []
