"""Counts stop at a limit, and say so."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries as Queries

from runs.queries.lists import counts
from runs.queries.lists.counts import Count, by_status, total, totals
from runs.queries.lists.filters import RunFilters
from tests.factories import make_actor, make_run

pytestmark = pytest.mark.django_db

VIEWER = make_actor("viewer")


def some(**numbers: int) -> dict[str, Count]:
    return {
        status: Count(numbers.get(status, 0))
        for status in ("queued", "running", "waiting", "success", "error", "cancelled")
    }


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that a test can pass."""
    monkeypatch.setattr(counts, "COUNTED", 2)


def make_runs(**numbers: int) -> None:
    for status, number in numbers.items():
        for _ in range(number):
            make_run(status=status, title="A red roof")


@pytest.mark.parametrize(
    ("count", "text"),
    [(Count(0), "0"), (Count(999), "999"), (Count(1000), "1,000"), (Count(1000, is_more=True), "1,000+")],
)
def test_a_count_says_when_there_are_more(count: Count, text: str) -> None:
    assert str(count) == text


def test_counts_add_up_to_the_limit(few: None) -> None:
    assert Count(1) + Count(1) == Count(2)
    assert Count(2) + Count(1) == Count(2, is_more=True)
    assert Count(1, is_more=True) + Count(0) == Count(1, is_more=True)


def test_up_to_the_limit_a_count_is_exact(few: None) -> None:
    make_runs(error=2)
    assert total(VIEWER, RunFilters()) == Count(2)
    make_runs(error=1)
    assert total(VIEWER, RunFilters()) == Count(2, is_more=True)


def test_several_lists_are_counted_by_their_keys() -> None:
    make_runs(error=2, queued=1)
    lists = {7: RunFilters(status=("error",)), 8: RunFilters(status=("queued",)), 9: RunFilters(q="blue")}
    assert totals(VIEWER, lists) == {7: Count(2), 8: Count(1), 9: Count(0)}


@pytest.mark.parametrize("filters", [RunFilters(), RunFilters(status=("error",)), RunFilters(q="red")])
def test_each_status_is_counted_whatever_status_is_asked_for(filters: RunFilters) -> None:
    make_runs(error=2, queued=1)
    make_run(lane="B", title="Blue", status="success")
    assert by_status(VIEWER, filters.having("lane", "A")) == some(error=2, queued=1)


def test_beyond_the_limit_each_status_is_counted_by_itself(few: None) -> None:
    make_runs(error=1, success=3)
    assert by_status(VIEWER, RunFilters()) == some(error=1) | {"success": Count(2, is_more=True)}


def test_a_search_that_finds_much_says_at_least_so_many(few: None) -> None:
    make_runs(error=1, success=3)
    assert by_status(VIEWER, RunFilters(q="red")) == some(error=1) | {"success": Count(3, is_more=True)}


@pytest.mark.parametrize("filters", [RunFilters(lane=("nowhere",)), RunFilters(problems=("no",))])
def test_where_nothing_matches_all_counts_are_zero(filters: RunFilters) -> None:
    make_runs(error=1)
    assert by_status(VIEWER, filters) == some()
    assert total(VIEWER, filters) == Count(0)


def test_strangers_count_nothing() -> None:
    make_runs(error=1)
    assert by_status(make_actor(""), RunFilters()) == some()


def test_counts_cost_two_queries(few: None, django_assert_num_queries: Queries) -> None:
    make_runs(error=3, success=3)
    with django_assert_num_queries(2):  # a look at the newest; each status
        by_status(VIEWER, RunFilters())


def test_a_count_of_nothing_is_false() -> None:
    values: list[Any] = [Count(0), Count(1)]
    assert [bool(value) for value in values] == [False, True]
