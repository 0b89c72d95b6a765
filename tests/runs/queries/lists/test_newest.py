"""Which runs a list shows first: the same as all that pass, sorted; however few of them are looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries as Queries

from runs.models import Run
from runs.queries.lists import newest as module
from runs.queries.lists.filters import RunFilters, matching
from runs.queries.lists.newest import count_each, newest, tally_newest
from tests.factories import make_actor, make_plan, make_run

pytestmark = pytest.mark.django_db

VIEWER, STRANGER = make_actor("viewer"), make_actor("")
STATUSES = ("error", "success", "running", "queued", "cancelled")


@pytest.fixture
def mixed() -> None:
    """Runs of every kind, each a minute younger than the one before."""
    versions = [make_plan(slug=slug) for slug in ("paint", "paint-twice")]
    start = timezone.now() - timedelta(hours=2)
    for number in range(20):
        run = make_run(
            title=f"{'Red' if number % 2 else 'Blue'} roof {number}",
            status=STATUSES[number % 5],
            lane="AB"[number % 2],
            version=versions[number % 3 == 0],
            environment=("dev", "prod")[number % 4 == 0],
            trigger=("api", "hook", "board")[number % 3],
        )
        ended = run.finished_at is not None
        archived_at = timezone.now() if ended and number % 7 == 0 else None
        Run.objects.filter(pk=run.pk).update(created_at=start + timedelta(minutes=number), archived_at=archived_at)


FILTERS = [
    RunFilters(),
    RunFilters(archived=True),
    RunFilters(status=("error", "running")),
    RunFilters(status=("error", "success"), lane=("A", "B")),
    RunFilters(plan=("paint", "paint-twice")),
    RunFilters(plan=("paint",), environment=("prod",)),
    RunFilters(trigger=("api", "hook"), environment=("dev",)),
    RunFilters(q="red"),
    RunFilters(q="r"),
    RunFilters(q="Blue roof 1", status=("success", "queued")),
    RunFilters(q="purple"),
    RunFilters(lane=("nowhere",)),
    RunFilters(problems=("no",)),
]


@pytest.mark.usefixtures("mixed")
class TestNewest:
    @pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: filters.query or "all")
    @pytest.mark.parametrize("limit", [3, 50])
    def test_they_are_the_first_of_all_that_pass(self, filters: RunFilters, limit: int) -> None:
        expected = matching(Run.objects.all(), filters).newest_first().values_list("pk", "title")
        assert newest(VIEWER, filters, "pk", "title", limit=limit) == list(expected)[:limit]

    @pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: filters.query or "all")
    def test_the_index_of_titles_finds_what_reading_finds(
        self, filters: RunFilters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = newest(VIEWER, filters, "pk", limit=50)
        monkeypatch.setattr(module, "TITLES_READ", 2)
        assert newest(VIEWER, filters, "pk", limit=50) == expected

    @pytest.mark.parametrize("filters", FILTERS[:9], ids=lambda filters: filters.query or "all")
    def test_pages_follow_one_another(self, filters: RunFilters, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "TITLES_READ", 4)
        everything = newest(VIEWER, filters, "created_at", "pk", limit=50)
        seen: list[tuple[Any, ...]] = []
        while page := newest(VIEWER, filters, "created_at", "pk", limit=3, after=seen[-1] if seen else None):
            seen += page
        assert seen == everything != []

    def test_strangers_see_nothing(self) -> None:
        assert newest(STRANGER, RunFilters(), "pk", limit=5) == []
        assert newest(STRANGER, RunFilters(q="red"), "pk", limit=5) == []

    def test_a_queryset_narrows_them_further(self) -> None:
        rows = newest(VIEWER, RunFilters(archived=True), "title", limit=50, among=Run.objects.archived())
        assert [title for (title,) in rows] == ["Blue roof 14", "Blue roof 0"]

    def test_a_list_without_a_search_is_one_query(self, django_assert_num_queries: Queries) -> None:
        with django_assert_num_queries(1):
            newest(VIEWER, RunFilters(status=("error", "success")), "pk", limit=5)


@pytest.mark.usefixtures("mixed")
class TestCounting:
    @pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: filters.query or "all")
    def test_counts_are_those_of_all_that_pass(self, filters: RunFilters) -> None:
        number = matching(Run.objects.all(), filters).count()
        assert count_each(VIEWER, {"all": filters, "none": RunFilters(problems=("no",))}, limit=50) == {
            "all": number,
            "none": 0,
        }
        assert count_each(VIEWER, {1: filters}, limit=3) == {1: min(number, 3)}

    def test_many_lists_are_counted_in_one_query(self, django_assert_num_queries: Queries) -> None:
        with django_assert_num_queries(1):
            count_each(VIEWER, {status: RunFilters(status=(status,)) for status in STATUSES}, limit=9)

    def test_nothing_asked_is_nothing_counted(self) -> None:
        assert count_each(VIEWER, {}, limit=9) == {}

    def test_strangers_count_nothing(self) -> None:
        assert count_each(STRANGER, {"all": RunFilters()}, limit=9) == {"all": 0}
        assert tally_newest(STRANGER, RunFilters(), column="status", limit=9).total() == 0

    def test_values_of_the_newest_are_tallied(self) -> None:
        assert tally_newest(VIEWER, RunFilters(), column="lane__name", limit=5) == {"A": 2, "B": 3}
        assert tally_newest(VIEWER, RunFilters(q="red"), column="lane__name", limit=5) == {"B": 5}


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        (" Red-ish #1", {" R", " RE", "RED", "ED-", "D-I", "-IS", "ISH", "SH ", "H #", " #", " #1"}),
        ("red", {"RED"}),
        (" ré", {" R", " RÉ"}),
        (" ", set()),
        ("", set()),
    ],
)
def test_a_text_is_cut_into_pieces_of_three(text: str, grams: set[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT runs_grams(%s)", [text])
        (found,) = cursor.fetchone()
    assert set(found) == grams
