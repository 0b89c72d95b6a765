from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from controlroom.web.presenters.cards import board_cards, card_context
from runs.models import Attempt, LogChunk, Run, Step
from runs.queries.lists import board as shown
from runs.queries.lists.board import board_runs
from runs.queries.lists.filters import RunFilters
from runs.queries.logs.chunks import last_log_ids, log_chunks
from runs.stream.versions import read_versions
from tests.factories import make_actor, make_lane, make_plan, make_run, make_session, put_step, start

pytestmark = pytest.mark.django_db


def test_the_board_shows_the_newest_of_each_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "BOARD_RUNS_PER_LANE", 2)
    first, *rest = [start(lane="A") for _ in range(3)]
    for seconds, run in enumerate([first, *rest]):  # one transaction of a test has one time
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() + timedelta(seconds=seconds))
    other = start(lane="B")
    assert {run.pk for run in board_runs(make_actor())} == {other.pk, *(run.pk for run in rest)}


def test_a_stranger_sees_no_board() -> None:
    start()
    assert not board_runs(make_actor("")).exists()


def test_a_board_is_narrowed_to_a_session() -> None:
    start()
    run = start(session="release")
    assert list(board_runs(make_actor(), RunFilters(session=(make_session("release").pk,)))) == [run]


def test_archived_runs_are_shown_when_asked_for() -> None:
    run = make_run(status="success", archived_at=timezone.now())
    assert list(board_runs(make_actor())) == []
    assert list(board_runs(make_actor(), RunFilters(archived=True))) == [run]


def test_a_card_lists_the_steps_in_plan_order() -> None:
    run = make_run(status="running")
    put_step(run, "greet", "running")
    assert [(step.key, step.status) for step in card_context(run)["steps"]] == [("greet", "running")]


def test_any_number_of_cards_takes_five_queries(django_assert_num_queries: Any) -> None:
    version = make_plan()
    for _ in range(5):
        start(version=version, lane=make_lane("B"))
    with django_assert_num_queries(5):  # ids, runs, steps; lanes and workers tell why they do not run
        for card in board_cards(board_runs(make_actor())):
            render_to_string("runs/_card.html", card)


def make_log(*parts: bytes) -> Run:
    run = make_run(status="running", steps={"greet": "running"})
    step = Step.objects.get(run=run)
    attempt = Attempt.objects.create(step=step, number=1, started_at=timezone.now())
    old = timezone.now() - timedelta(seconds=5)  # the writing transaction of a test is still open
    chunks = [
        LogChunk(attempt=attempt, offset=number, stream="stdout", data=part, at=old)
        for number, part in enumerate(parts)
    ]
    LogChunk.objects.bulk_create(chunks)
    return run


def test_a_chunk_of_an_open_transaction_is_not_settled() -> None:
    run = make_log(b"old")
    LogChunk.objects.update(at=timezone.now() + timedelta(seconds=5))
    assert [chunk.settled for chunk in log_chunks(run.pk)] == [False]


def test_the_last_chunk_of_each_run_is_found() -> None:
    run, silent = make_log(b"a", b"b"), make_run()
    assert last_log_ids([run.pk, silent.pk]) == {run.pk: LogChunk.objects.order_by("pk").last().pk}


def test_the_poll_takes_one_query_for_a_board(django_assert_num_queries: Any) -> None:
    runs = [start() for _ in range(5)]
    with django_assert_num_queries(1):
        versions = read_versions((), shown=[str(run.pk) for run in runs])
    assert versions == {str(run.pk): (1, 0) for run in runs}


def test_the_poll_takes_two_queries_for_pages(django_assert_num_queries: Any) -> None:
    runs = [make_log(b"x") for _ in range(3)]
    with django_assert_num_queries(2):
        versions = read_versions([str(run.pk) for run in runs], shown=None)
    assert all(log > 0 for _, log in versions.values())
