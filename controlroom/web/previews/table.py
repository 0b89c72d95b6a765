"""Tables: CSV, TSV, JSON rows, JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from controlroom.web.previews import text
from controlroom.web.previews.base import Preview
from runs.queries.artifact_content import FileHead, as_text, is_text

ROWS = 200
ROWS_FULL = 2_000
COLUMNS = 50
CELL_CHARS = 300
CUT_JSON = "JSON larger than 1 MiB is not shown"
SEPARATORS = "\t,;|"
NUMBER = re.compile(r"[-+]?[0-9][0-9.,_ ]*(?:[eE][-+]?[0-9]+)?\s?%?")

Rows = list[list[str]]


class NoTable(Exception):
    """It cannot be read as rows."""


class Cell(NamedTuple):
    """`is_number`: its whole column has nothing but numbers."""

    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Each row is as wide as the header."""

    header: list[Cell]
    rows: list[list[Cell]]


def show(head: FileHead, *, at_most: int) -> Preview:
    """The first `at_most` rows; the text itself when it has none."""
    if not is_text(head.data):
        return Preview("none", notes=("Not a table: the file is not text.",))
    read = as_text(head.data, is_whole=head.is_whole)
    try:
        header, rows, is_all = _read(read.text, at_most, is_whole=head.is_whole)
    except NoTable as error:
        shown = text.show(head, at_most=4096)
        return Preview("text", shown.value, (f"Not a table: {error}.", *shown.notes))
    notes = [] if is_all else [f"The first {len(rows):,} rows."]
    if len(header) > COLUMNS:
        notes.append(f"The first {COLUMNS} of {len(header)} columns.")
    notes += [text.BROKEN] * read.broken
    return Preview("table", _table(header[:COLUMNS], [row[:COLUMNS] for row in rows]), tuple(notes))


def _read(content: str, at_most: int, *, is_whole: bool) -> tuple[list[str], Rows, bool]:
    """Header, rows, and whether these are all. Raises NoTable."""
    if content.lstrip()[:1] in ("[", "{"):
        return _json(content, at_most, is_whole=is_whole)
    lines = content if is_whole else content.rpartition("\n")[0]
    first = lines.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        reader = csv.reader(io.StringIO(lines), delimiter=separator)
        found = list(islice(filter(None, reader), at_most + 2))
    except csv.Error as error:
        raise NoTable(str(error)) from error
    if not found:
        raise NoTable("it has no rows")
    return found[0], found[1 : at_most + 1], is_whole and len(found) <= at_most + 1


def _json(content: str, at_most: int, *, is_whole: bool) -> tuple[list[str], Rows, bool]:
    values = _values(content, is_whole=is_whole)
    shown = values[:at_most]
    is_all = is_whole and len(values) <= at_most
    if all(isinstance(value, dict) for value in shown) and shown:
        names = list(dict.fromkeys(str(name) for value in shown for name in value))
        return names, [[_cell(value.get(name)) for name in names[:COLUMNS]] for value in shown], is_all
    if all(isinstance(value, list) for value in shown) and len(shown) > 1:
        return [_cell(one) for one in shown[0]], [[_cell(one) for one in value] for value in shown[1:]], is_all
    raise NoTable("JSON needs a list of objects, or a list of lists" if is_whole else CUT_JSON)


def _values(content: str, *, is_whole: bool) -> list[Any]:
    """Of a JSON list, or of JSON lines. Raises NoTable."""
    try:
        found = json.loads(content)
        return found if isinstance(found, list) else [found]
    except (ValueError, RecursionError):
        lines = content.splitlines() if is_whole else content.splitlines()[:-1]
    try:
        return [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError):
        raise NoTable("it is not JSON" if is_whole else CUT_JSON) from None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(header: Sequence[str], rows: Rows) -> Table:
    width = max([len(header), *map(len, rows)])
    numbers = [_is_number(row[at] for row in rows if at < len(row)) for at in range(width)]
    filled = [[*row, *[""] * (width - len(row))] for row in [list(header), *rows]]
    cells = [[Cell(_cut(text), is_number) for text, is_number in zip(row, numbers, strict=True)] for row in filled]
    return Table(cells[0], cells[1:])


def _is_number(cells: Iterable[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and all(len(cell) <= 40 and NUMBER.fullmatch(cell) for cell in filled)


def _cut(cell: str) -> str:
    short = cell if len(cell) <= CELL_CHARS else f"{cell[:CELL_CHARS]}\u2026"
    return short.encode(errors="replace").decode()  # JSON may name half a character, which no page can hold
