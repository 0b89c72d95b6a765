"""Search in a log, and the line to look at first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import Run
from runs.queries.logs import search as searching
from runs.queries.logs.lines import read_page
from runs.queries.logs.scope import LogScope
from runs.queries.logs.search import MatchingLine, first_error, search
from tests.factories import make_run, put_step, start
from tests.runs.queries.logs.test_lines import TWO, written
from tests.runs.queries.logs.writing import attempt_of, write

pytestmark = pytest.mark.django_db


def found_in(scope: LogScope, query: str) -> list[int]:
    return [match.line for match in search(scope, query).matches]


def test_lines_are_found_however_they_are_capitalised() -> None:
    scope = written(b"one Apple\ntwo\n", b"three APPLES\n")
    assert search(scope, "aPPle").matches == [MatchingLine(1, "one Apple"), MatchingLine(3, "three APPLES")]


def test_the_query_is_text_and_no_pattern() -> None:
    assert found_in(written(b"abc\na.c\n"), "a.c") == [2]


@pytest.mark.parametrize("query", ["", "\x00", "\x1b[31m", "x" * 300])
def test_a_strange_query_finds_nothing(query: str) -> None:
    assert found_in(written(b"\x1b[31mred\x1b[0m\n", b"x" * 100), query) == []


def test_a_word_is_found_over_colours_and_chunks() -> None:
    scope = written(b"wo\x1b[31mrd\x1b[0m\n", b"wo", b"rd\n", b"caf\xc3\xa9 word\n")
    assert found_in(scope, "word") == [1, 2, 3]


def test_what_was_written_over_is_not_found() -> None:
    assert found_in(written(b"50 percent\rdone\n"), "percent") == []


def test_matches_have_the_numbers_that_pages_show() -> None:
    run = start(TWO)
    one, two = attempt_of(run, "one"), attempt_of(run, "two")
    for attempt, text in ((one, b"open "), (two, b"needle\nx"), (one, b"needle\n"), (two, b"needle")):
        write(attempt, text)
    shown = [line.number for line in read_page(LogScope(run.pk)).lines if "needle" in line.text]
    assert found_in(LogScope(run.pk), "needle") == shown == [2, 4, 5]


def test_only_the_chosen_step_is_searched() -> None:
    run = start(TWO)
    write(attempt_of(run, "one"), b"needle\n")
    write(attempt_of(run, "two"), b"hay\nneedle\n")
    assert found_in(LogScope(run.pk, step="two"), "needle") == [2]


def test_a_match_deep_in_a_very_long_line_is_found_once() -> None:
    scope = written(b"first\n", *[b"x" * 60_000] * 2, b"needle", b"y" * 60_000, b" needle\n")
    assert found_in(scope, "needle") == [2]


def test_a_snippet_shows_the_match() -> None:
    (match,) = search(written(b"x" * 500 + b"needle" + b"y" * 500 + b"\n"), "needle").matches
    assert "needle" in match.text
    assert len(match.text) <= searching.SNIPPET_CHARS


def test_too_many_matches_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MATCHES_MAX", 3)
    found = search(written(b"x\n" * 10), "x")
    assert ([match.line for match in found.matches], found.is_capped) == ([1, 2, 3], True)


def test_a_search_that_takes_too_long_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SEARCH_S", -1.0)
    found = search(written(b"x\ny\n", b"x\n"), "x")
    assert ([match.line for match in found.matches], found.stopped_at) == ([1], 2)


def failed_run(*said: tuple[str, bytes]) -> Run:
    run = make_run(status="error")
    put_step(run, "greet", "error")
    attempt = attempt_of(run, outcome="error")
    for stream, text in said:
        write(attempt, text, stream=stream)
    return run


@pytest.mark.parametrize(
    ("said", "line", "why"),
    [
        ([("stdout", b"error: early\n"), ("stderr", b"+ set -x\nValueError: no\n")], 3, "what stderr says of an error"),
        ([("stdout", b"fine\n"), ("stderr", b"\nit broke\n")], 3, "the first words on stderr"),
        ([("stdout", b"fine\nFAILED test_one\n")], 2, "what stdout says when stderr is silent"),
        ([("stdout", b"0 errors\nno failure\nerrors: 0\n1 error\n")], 4, "no count of none"),
        ([("stdout", b"\x1b[31mfatal\x1b[0m: not a repository\n")], 1, "over colours"),
        ([("stdout", b"error_page.html\npanicking\nall is well\n")], None, "nothing speaks of an error"),
        ([], None, "nothing was written"),
    ],
)
def test_the_first_error_of_a_failed_attempt(said: list[tuple[str, bytes]], line: int | None, why: str) -> None:
    assert [match.line for match in first_error(LogScope(failed_run(*said).pk)).matches] == ([line] if line else []), (
        why
    )


def test_the_last_attempt_of_the_step_that_failed_is_looked_at() -> None:
    run = start(TWO)
    put_step(run, "two", "error")
    write(attempt_of(run, "one", outcome="error"), b"error of one, which came right later\n")
    ago = timezone.now() - timedelta(seconds=60)
    write(attempt_of(run, "two", outcome="error", finished_at=ago), b"error, first time\n")
    write(attempt_of(run, "two", number=2, outcome="error"), b"error, last time\n")
    found = first_error(LogScope(run.pk))
    assert [match.text for match in found.matches] == ["error, last time"]
    assert found.of == "the last attempt of two"
    assert first_error(LogScope(run.pk, step="two", attempt=2)).of == ""


def test_without_a_failure_the_first_line_that_speaks_of_an_error_is_shown() -> None:
    scope = written(b"fine\nwarning\nException ignored\nerror\n")
    assert [match.line for match in first_error(scope).matches] == [3]
