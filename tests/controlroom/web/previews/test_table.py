from __future__ import annotations

import json

import pytest

from controlroom.web.previews.base import Preview
from controlroom.web.previews.table import COLUMNS, show
from pulser.language.limits import MIB
from runs.queries.artifact_content import FileHead


def shown(content: bytes, *, is_whole: bool = True, rows: int = 200) -> Preview:
    return show(FileHead(content, is_whole, len(content)), at_most=rows)


def texts(found: Preview) -> list[list[str]]:
    return [[cell.text for cell in row] for row in (found.value.header, *found.value.rows)]


@pytest.mark.parametrize(
    "content",
    [
        b"name,n\r\nada,1\r\nbob,2\r\n",
        b"name\tn\nada\t1\nbob\t2",
        b"name;n\nada;1\n\nbob;2\n",
        b"\xef\xbb\xbfname,n\nada,1\nbob,2\n",
        b'[{"name": "ada", "n": 1}, {"name": "bob", "n": 2}]',
        b'[["name", "n"], ["ada", 1], ["bob", 2]]',
        b'{"name": "ada", "n": 1}\n{"name": "bob", "n": 2}\n',
    ],
)
def test_rows_are_read_in_each_format(content: bytes) -> None:
    found = shown(content)

    assert texts(found) == [["name", "n"], ["ada", "1"], ["bob", "2"]]
    assert [cell.is_number for cell in found.value.header] == [False, True]
    assert found.notes == ()


def test_a_quoted_cell_may_hold_separators_and_lines() -> None:
    assert texts(shown(b'a,b\n"1,\n2","say ""hi"""\n')) == [["a", "b"], ["1,\n2", 'say "hi"']]


def test_short_rows_are_filled_and_missing_fields_empty() -> None:
    assert texts(shown(b"a,b\n1\n1,2,3\n")) == [["a", "b", ""], ["1", "", ""], ["1", "2", "3"]]
    assert texts(shown(b'[{"a": 1}, {"b": null}]')) == [["a", "b"], ["1", ""], ["", ""]]


def test_only_the_first_rows_are_shown_and_that_is_said() -> None:
    found = shown(b"n\n" + b"1\n" * 500)

    assert (len(found.value.rows), found.notes) == (200, ("The first 200 rows.",))


def test_exactly_so_many_rows_are_all_rows() -> None:
    assert shown(b"n\n" + b"1\n" * 200).notes == ()


def test_a_line_that_the_limit_cuts_is_left_out() -> None:
    assert texts(shown(b"a,b\n1,2\n3,", is_whole=False)) == [["a", "b"], ["1", "2"]]


def test_many_columns_are_cut_and_that_is_said() -> None:
    found = shown(",".join(map(str, range(5_000))).encode() + b"\n")

    assert len(found.value.header) == COLUMNS
    assert "of 5000 columns" in found.notes[0]


@pytest.mark.parametrize("cell", ["1", "-2.5", "1,000", "3e10", "45 %", "+7"])
def test_numbers_stand_at_the_right(cell: str) -> None:
    assert shown(json.dumps([{"n": cell}]).encode()).value.header[0].is_number


@pytest.mark.parametrize("cell", ["1a", "v1.2", "2026-11-21", "", "-"])
def test_what_is_no_number_does_not(cell: str) -> None:
    assert not shown(json.dumps([{"n": cell}]).encode()).value.header[0].is_number


@pytest.mark.parametrize(
    "content", [b"[1, 2]", b"[" * 100_000, b'{"a": ', b"[{}, []]", b'["' + b"9" * 5_000, b'"' + b"x" * MIB]
)
def test_what_has_no_rows_is_shown_as_text_or_as_one_cell(content: bytes) -> None:
    assert shown(content).kind in ("text", "table")


def test_a_json_file_above_the_limit_says_why_it_is_no_table() -> None:
    assert "larger than 1 MiB" in shown(b'[{"a": 1}, {"a":', is_whole=False).notes[0]


def test_half_a_character_in_json_can_be_shown() -> None:
    assert texts(shown(b'[{"a": "\\ud800"}]'))[1] == ["?"]


def test_bytes_that_are_no_text_are_no_table() -> None:
    assert shown(b"\0\1").kind == "none"
