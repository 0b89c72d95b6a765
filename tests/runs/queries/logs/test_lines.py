"""A log as numbered lines, whatever chunks it came in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.models import LogChunk, Run
from runs.queries.logs import index as indexes
from runs.queries.logs import lines as pages
from runs.queries.logs.index import index_of
from runs.queries.logs.lines import LINE_CHARS, LogLine, read_page
from runs.queries.logs.scope import LogScope
from tests.factories import make_run, start
from tests.runs.queries.logs.writing import attempt_of, write

pytestmark = pytest.mark.django_db

TWO = """
pulser: 1
slug: two-voices
steps:
  - {id: one, uses: shell, with: {run: "true"}}
  - {id: two, uses: shell, with: {run: "true"}}
"""


def written(*pieces: bytes, stream: str = "stdout") -> LogScope:
    run = make_run()
    write(attempt_of(run), *pieces, stream=stream)
    return LogScope(run.pk)


def texts(scope: LogScope, **asked: Any) -> list[str]:
    return [line.text for line in read_page(scope, **asked).lines]


def numbers(lines: list[LogLine]) -> list[int]:
    return [line.number for line in lines]


def test_pieces_of_a_line_are_one_line() -> None:
    assert texts(written(b"one, ", b"two\nthree", b"\n")) == ["one, two", "three"]


def test_the_end_of_a_log_comes_first() -> None:
    page = read_page(written(*(b"line %d\n" % number for number in range(1, 501))), count=2)
    assert [(line.number, line.text) for line in page.lines] == [(499, "line 499"), (500, "line 500")]
    assert (page.first, page.total) == (499, 500)


@pytest.mark.parametrize(
    ("first", "count", "found"),
    [
        (1, 2, [1, 2]),
        (49, 5, [49, 50]),
        (51, 5, [50]),
        (0, 1, [1]),
        (10**12, 1, [50]),
        (5, 0, []),
    ],
)
def test_any_lines_can_be_asked_for(first: int, count: int, found: list[int]) -> None:
    page = read_page(written(b"x\n" * 50), first=first, count=count)
    assert (numbers(page.lines), page.total) == (found, 50)


def test_an_empty_log_has_no_line() -> None:
    page = read_page(LogScope(make_run().pk))
    assert (page.lines, page.first, page.total, page.after) == ([], 1, 0, 0)


def test_a_line_ends_where_another_attempt_speaks() -> None:
    run = start(TWO)
    one, two = attempt_of(run, "one"), attempt_of(run, "two")
    for attempt, text in ((one, b"one begins"), (two, b"two\n"), (one, b" and ends\n")):
        write(attempt, text)
    lines = read_page(LogScope(run.pk)).lines
    assert [(line.step, line.text) for line in lines] == [("one", "one begins"), ("two", "two"), ("one", " and ends")]
    assert texts(LogScope(run.pk, step="one")) == ["one begins and ends"]


def test_one_attempt_is_told_from_another() -> None:
    run = make_run()
    write(attempt_of(run), b"first\n")
    write(attempt_of(run, number=2), b"second\n")
    assert texts(LogScope(run.pk, step="greet", attempt=2)) == ["second"]
    assert [line.attempt for line in read_page(LogScope(run.pk)).lines] == [1, 2]


def test_only_what_there_was_at_a_moment_is_shown() -> None:
    run, now = make_run(), timezone.now()
    write(attempt_of(run), b"early\n", at=now - timedelta(seconds=60))
    write(attempt_of(run), b"late\n", at=now - timedelta(seconds=20))
    assert texts(LogScope(run.pk, until=now - timedelta(seconds=40))) == ["early"]


def test_a_sign_that_is_torn_between_chunks_is_made_whole() -> None:
    assert texts(written(b"caf\xc3", b"\xa9\n")) == ["caf\N{LATIN SMALL LETTER E WITH ACUTE}"]


def test_a_sign_is_made_whole_though_the_other_stream_came_between() -> None:
    run = make_run()
    write(attempt_of(run), b"\xe2\x82")
    write(attempt_of(run), b"!", stream="stderr")
    write(attempt_of(run), b"\xac\n")
    assert texts(LogScope(run.pk)) == ["!\N{EURO SIGN}"]


def test_broken_signs_become_replacement_marks() -> None:
    assert texts(written(b"a\xffb\n\xc3\n", b"end\xc3")) == ["a\ufffdb", "\ufffd", "end"]


def test_a_line_with_a_part_on_stderr_counts_as_stderr() -> None:
    run = make_run()
    write(attempt_of(run), b"asked: ")
    write(attempt_of(run), b"no\n", stream="stderr")
    write(attempt_of(run), b"fine\n")
    assert [line.stream for line in read_page(LogScope(run.pk)).lines] == ["stderr", "stdout"]


def test_a_colour_stays_on_in_later_lines_and_pages() -> None:
    scope = written(b"\x1b[31mred\n", b"still red\n", b"red yet\x1b[0m, then plain\n")
    (line,) = read_page(scope, first=3, count=1).lines
    assert [tuple(piece) for piece in line.pieces] == [("red yet", "a a-red"), (", then plain", "")]


def test_a_colour_of_one_attempt_does_not_stain_another() -> None:
    run = start(TWO)
    write(attempt_of(run, "one"), b"\x1b[31mred\n")
    write(attempt_of(run, "two"), b"plain\n")
    write(attempt_of(run, "one"), b"red\n")
    classes = [piece.classes for line in read_page(LogScope(run.pk)).lines for piece in line.pieces]
    assert classes == ["a a-red", "", "a a-red"]


def test_a_colour_that_was_written_before_a_page_is_recalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "MARK_BYTES", 1)
    scope = written(b"\x1b[32mgreen\n", b"still\n")
    assert read_page(scope, first=2).lines[0].pieces[0].classes == "a a-green"


def test_a_very_long_line_is_cut_and_the_next_one_comes() -> None:
    scope = written(*[b"x" * 60_000] * 4, b"\n", b"next\n")
    long, following = read_page(scope).lines
    assert (len(long.text), long.is_cut, following.text, following.number) == (LINE_CHARS, True, "next", 2)


def test_the_middle_of_a_line_as_long_as_a_log_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    take = pages.LineAssembler.take

    def noted(self: pages.LineAssembler, chunk: LogChunk) -> Iterator[pages.RawLine]:
        read.append(chunk.pk)
        return take(self, chunk)

    monkeypatch.setattr(pages.LineAssembler, "take", noted)
    scope = written(*[b"x" * 65_536] * 40, b"\nnext\n")
    assert [line.number for line in read_page(scope, first=1).lines] == [1, 2]
    assert len(read) < 6


def test_progress_that_was_written_over_shows_its_last_state() -> None:
    scope = written(
        *(b"%d %%\r" % number for number in range(101)), b"done\n", *[b"\r" + b"." * 30_000] * 3, b"\rend\n"
    )
    assert texts(scope) == ["done", "end"]


def test_a_page_of_long_lines_has_fewer_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_CHARS", 1_000)
    scope = written(*[b"x" * 300 + b"\n"] * 20)
    assert numbers(read_page(scope, first=5, count=10).lines) == [5, 6, 7, 8]
    end = read_page(scope, count=10)
    assert (numbers(end.lines), end.first) == ([18, 19, 20], 18)


def test_what_came_later_is_added_and_keeps_the_numbers() -> None:
    run = make_run()
    write(attempt_of(run), b"one\ntwo")
    assert texts(LogScope(run.pk)) == ["one", "two"]
    write(attempt_of(run), b" and a half\nthree\n")
    page = read_page(LogScope(run.pk), first=2)
    assert [(line.number, line.text) for line in page.lines] == [(2, "two and a half"), (3, "three")]


def test_chunks_of_earlier_workers_are_counted_when_somebody_reads_them() -> None:
    scope = written(b"one\n", b"two", b"\nthree\n")
    LogChunk.objects.update(lines=None, is_open=None)
    assert texts(scope) == ["one", "two", "three"]
    assert list(LogChunk.objects.order_by("pk").values_list("lines", "is_open")) == [(1, False), (0, True), (2, False)]


def test_counting_an_old_log_goes_on_with_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "COUNTING_S", -1.0)
    scope = written(b"one\n")
    assert not read_page(scope).is_whole
    monkeypatch.setattr(indexes, "COUNTING_S", 2.0)
    page = read_page(scope)
    assert (page.is_whole, page.total) == (True, 1)


def test_a_chunk_that_may_get_a_predecessor_is_not_counted_yet() -> None:
    run = make_run()
    write(attempt_of(run), b"settled\n")
    write(attempt_of(run), b"fresh\n", at=timezone.now() + timedelta(minutes=1))
    page = read_page(LogScope(run.pk))
    assert (texts(LogScope(run.pk)), page.is_whole) == (["settled"], True)


def test_a_page_in_the_middle_takes_few_statements(django_assert_max_num_queries: Any) -> None:
    scope = written(*[b"x" * 60_000 + b"\n"] * 40)
    index_of(scope)
    with django_assert_max_num_queries(5):
        assert numbers(read_page(scope, first=30, count=2).lines) == [30, 31]


PIECE = st.tuples(st.sampled_from(["one", "two"]), st.lists(st.sampled_from([b"a", b"\n", b"\xc3\xa9"]), min_size=1))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECE, max_size=12), st.integers(1, 30))
def test_pages_from_anywhere_agree_with_the_whole(
    monkeypatch: pytest.MonkeyPatch, said: list[tuple[str, list[bytes]]], first: int
) -> None:
    monkeypatch.setattr(indexes, "MARK_BYTES", 4)
    monkeypatch.setattr(indexes, "CHUNKS_READ", 2)
    run: Run = start(TWO)
    for key, parts in said:
        write(attempt_of(run, key), b"".join(parts))
    whole = read_page(LogScope(run.pk), first=1, count=1000).lines
    assert len(whole) == index_of(LogScope(run.pk)).total
    assert read_page(LogScope(run.pk), first=first, count=1000).lines == whole[min(first, max(1, len(whole))) - 1 :]


@pytest.mark.parametrize("first", [1, None], ids=["from the beginning", "the end"])
def test_a_page_of_many_colours_has_fewer_lines(first: int | None) -> None:
    line = b"\x1b[31mx\x1b[32my" * 200 + b"\n"
    page = read_page(written(*[line] * 100), first=first, count=100)

    assert 1 < len(page.lines) < 50
    assert (page.lines[0].number == 1) is (first == 1)
