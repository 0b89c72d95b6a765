from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pulser.tools.declared import read_declared_outputs

TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
ANYTHING: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        pytest.param("x=abc\n", TEXT, "abc", id="a string as it is"),
        pytest.param('x="abc"\n', TEXT, '"abc"', id="a string keeps its quotes"),
        pytest.param("x=a=b\n", TEXT, "a=b", id="only the first = divides"),
        pytest.param("x=a<<b\n", TEXT, "a<<b", id="<< in a value means nothing"),
        pytest.param("x=\n", TEXT, "", id="an empty string"),
        pytest.param("x=1\nx=2\n", TEXT, "2", id="the last one counts"),
        pytest.param("\n\nx=1", TEXT, "1", id="empty lines and no newline at the end"),
        pytest.param("x<<END\na\n\nb\nEND\n", TEXT, "a\n\nb", id="several lines"),
        pytest.param("x<<END\nEND\n", TEXT, "", id="no lines"),
        pytest.param("x=a\0b\n", TEXT, "a\ufffdb", id="NUL cannot be stored"),
        pytest.param("x=1.5\n", NUMBER, 1.5, id="a number"),
        pytest.param("x<<END\n{\n}\nEND\n", {"type": "object"}, {}, id="JSON over several lines"),
        pytest.param("x=true\n", {"type": "boolean"}, True, id="a boolean"),
        pytest.param("x=[1]\n", ANYTHING, [1], id="no type is read as JSON"),
        pytest.param("x=null\n", {"type": ["integer", "null"]}, None, id="null where it may be"),
        pytest.param("", {"type": ["string", "null"]}, None, id="unwritten is null where it may be"),
    ],
)
def test_a_right_value_is_taken(tmp_path: Path, text: str, schema: dict[str, Any], value: Any) -> None:
    (tmp_path / "output").write_text(text)

    found = read_declared_outputs(tmp_path / "output", declared={"x": schema})

    assert (found.values, found.problems) == ({"x": value}, [])


@pytest.mark.parametrize(
    ("data", "schema", "words"),
    [
        pytest.param(b"", TEXT, "`x` was not written", id="not written"),
        pytest.param(b"x=abc\n", NUMBER, "`x`: expected number as JSON, got 'abc'", id="not JSON"),
        pytest.param(b'x="1"\n', NUMBER, '`x`: expected a number, got "1"', id="another type"),
        pytest.param(b"x=NaN\n", NUMBER, "expected number as JSON", id="NaN is not JSON"),
        pytest.param(b"x=" + b"[" * 200_000, ANYTHING, "expected a value as JSON", id="nested too deep"),
        pytest.param(b"just text\n", TEXT, "expected name=value or name<<WORD, got 'just text'", id="no pair"),
        pytest.param(b"x<<END\na\n", TEXT, "no line 'END' ends its value", id="without an end"),
        pytest.param(b"x<<\na\n", TEXT, "a word is missing after <<", id="without a word"),
        pytest.param(b"x=\xff\n", TEXT, "'utf-8' codec", id="not UTF-8"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(
    tmp_path: Path, data: bytes, schema: dict[str, Any], words: str
) -> None:
    (tmp_path / "output").write_bytes(data)

    found = read_declared_outputs(tmp_path / "output", declared={"x": schema})

    assert found.values == {}
    assert words in found.problems[0]


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x=leaked\n")
    (tmp_path / "output").symlink_to("secret")

    assert "cannot be read" in read_declared_outputs(tmp_path / "output", declared={"x": TEXT}).problems[0]


def test_a_fifo_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "output")

    assert "no longer a plain file" in read_declared_outputs(tmp_path / "output", declared={"x": TEXT}).problems[0]


def test_a_file_that_was_removed_is_an_empty_one(tmp_path: Path) -> None:
    assert read_declared_outputs(tmp_path / "output", declared={}).problems == []
