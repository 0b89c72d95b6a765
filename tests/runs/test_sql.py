"""Statements that are written by hand."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pulser.engine.states import STEP_MOVES
from pulser.engine.times import NOW, Ahead
from runs.sql import Computed, assign, column, first, is_source_of, rows, target_of

PAIRS = "SELECT * FROM unnest(%(names)s::text[], %(ages)s::int[])"
TWO = {"names": ["a", "b"], "ages": [1, 2]}


class Pair(NamedTuple):
    name: str
    age: int


@pytest.mark.django_db
def test_rows_come_back_as_named_tuples() -> None:
    assert rows(PAIRS, TWO, as_=Pair) == [Pair("a", 1), Pair("b", 2)]
    assert first(PAIRS, TWO, as_=Pair) == Pair("a", 1)
    assert first(PAIRS, {"names": [], "ages": []}, as_=Pair) is None
    assert column("SELECT %(n)s::int", {"n": 4}) == [4]


def test_assignments_have_parameters_named_after_their_columns() -> None:
    assert assign({"reason": "no", "data": {"n": 1}}) == (
        "reason = %(set_reason)s, data = %(set_data)s",
        {"set_reason": "no", "set_data": '{"n": 1}'},
    )


def test_times_are_set_by_the_database() -> None:
    text, values = assign({"at": NOW, "until": Ahead(5.0), "tries": Computed("tries + %(more)s", {"more": 2})})

    assert text == (
        "at = clock_timestamp(), until = clock_timestamp() + %(set_until)s * interval '1 second', "
        "tries = tries + %(more)s"
    )
    assert values == {"set_until": 5.0, "more": 2}


def test_statuses_come_from_the_table() -> None:
    assert is_source_of(STEP_MOVES["requeue"], "s.status") == "s.status IN ('backoff', 'waiting')"
    assert target_of(STEP_MOVES["requeue"]) == "'queued'"
