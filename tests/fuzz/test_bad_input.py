"""What `make fuzz` does, in short: the same requests, fewer of them, with a seed that stays."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from controlroom.web.pages.urls import urlpatterns
from fuzz.calls import calls
from fuzz.hooks import hooks
from fuzz.pages import pages
from fuzz.readers import readers
from fuzz.row import Row
from fuzz.sockets import crowd, sockets
from fuzz.target import Target
from fuzz.wire import junk

pytestmark = pytest.mark.siege

SEED = 1
CALLS = 26  # of the OpenAPI


def violations(rows: Iterable[Row]) -> list[str]:
    return [f"{row.name}: {violation}" for row in rows for violation in row.violations]


def test_every_call_answers_an_operator_as_documented(target: Target) -> None:
    rows = calls(target, role="operator", seed=SEED, examples=5)

    assert violations(rows) == []
    assert len(rows) == CALLS


def test_every_call_answers_a_viewer_as_documented(target: Target) -> None:
    rows = calls(target, role="viewer", seed=SEED, examples=8, phases="fuzzing")

    assert violations(rows) == []
    assert [
        row.name for row in rows if row.name.startswith("GET") and not row.answers["200"]
    ] == []  # it hits what is there


def test_every_call_refuses_nobody_as_documented(target: Target) -> None:
    rows = calls(target, role="nobody", seed=SEED, examples=2, phases="fuzzing")

    assert violations(rows) == []
    assert {answer for row in rows for answer in row.answers} <= {"401", "404", "405", "422"}


def test_hooks_refuse_what_no_sender_should_send(target: Target) -> None:
    assert violations(hooks(target)) == []


def test_bytes_that_are_no_http_are_refused(target: Target) -> None:
    assert violations([junk(target)]) == []


def test_sockets_refuse_junk(target: Target) -> None:
    assert violations(sockets(target)) == []


def test_sockets_that_come_and_go_leave_nothing_behind_and_take_nothing_from_others(target: Target) -> None:
    assert violations(crowd(target, count=150, minutes=0.15)) == []


def test_readers_that_do_not_read_fill_no_memory(target: Target) -> None:
    assert violations(readers(target, each=2)) == []


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_no_page_and_no_button_breaks_at_junk(target: Target, role: str) -> None:
    """Last, for the buttons end what the others look at."""
    rows = pages(target, role=role, seed=SEED, each=6)

    assert violations(rows) == []
    assert len(rows) == len(urlpatterns)
    assert sum(row.answers["200"] for row in rows) > len(rows)  # they hit what is there
