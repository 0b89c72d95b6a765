"""Unified diffs, side by side: what was removed at the left, what was added at the right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile, zip_longest

from controlroom.web.previews import text
from controlroom.web.previews.base import Preview
from runs.queries.artifact_content import FileHead, as_text, is_text

LINES = 1_000
LINES_FULL = 5_000
LINE_CHARS = 2_000
HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)")
NO_FILE = "/dev/null"


@dataclass(frozen=True, slots=True)
class Side:
    """A line of one side: its number, what both sides have before and behind, and between them what differs."""

    number: int
    before: str
    differs: str = ""
    behind: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A side that has no such line is None."""

    old: Side | None
    new: Side | None


@dataclass(frozen=True, slots=True)
class Block:
    """Lines in a row that are all the same on both sides, or all not."""

    is_change: bool
    rows: list[Row]


@dataclass(slots=True)
class Hunk:
    place: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class FileDiff:
    """`old` and `new` are its names; one is empty for a file that was made or deleted."""

    old: str = ""
    new: str = ""
    hunks: list[Hunk] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    words: list[str] = field(default_factory=list)
    """What the diff says of a file without lines: a new mode, another name, binary files."""


def show(head: FileHead, *, at_most: int) -> Preview:
    """The first `at_most` lines; the text itself when there is no hunk in it."""
    if not is_text(head.data):
        return Preview("none", notes=("Not a diff: the file is not text.",))
    read = as_text(head.data, is_whole=head.is_whole)
    lines = read.text.splitlines() if "\r" not in read.text else re.split(r"\r?\n", read.text)
    files = parse(line[:LINE_CHARS] for line in lines[:at_most])
    if not any(file.hunks or file.words for file in files):
        shown = text.show(head, at_most=4096)
        return Preview("text", shown.value, ("Not a unified diff: no changes found.", *shown.notes))
    is_cut = len(lines) > at_most or not head.is_whole
    notes = [f"The first {min(at_most, len(lines)):,} lines of the diff."] if is_cut else []
    return Preview("diff", files, (*notes, *[text.BROKEN] * read.broken))


def parse(lines: Iterable[str]) -> list[FileDiff]:
    """The files of a unified diff, git's words between them included. What is no diff is passed over."""
    reader = _Reader()
    for line in lines:
        reader.take(line)
    reader.end_block()
    return [file for file in reader.files if file.old or file.new or file.hunks or file.words]


class _Reader:
    """`left` and `right`: the lines of the present hunk that are still to come on each side, by its own head."""

    def __init__(self) -> None:
        self.files: list[FileDiff] = []
        self.left = self.right = 0
        self.old_number = self.new_number = 0
        self.same: list[Row] = []
        self.removed: list[tuple[int, str]] = []
        self.added: list[tuple[int, str]] = []

    def take(self, line: str) -> None:
        if (self.left > 0 or self.right > 0) and line[:1] in ("", " ", "+", "-", "\\"):
            self._take_line(line)
        elif found := HUNK.match(line):
            self._begin_hunk(found)
        else:
            self._take_head(line)

    def end_block(self) -> None:
        if self.same:
            self._hunk().blocks.append(Block(False, self.same))
        if self.removed or self.added:
            rows = [_row(old, new) for old, new in zip_longest(self.removed, self.added)]
            self._hunk().blocks.append(Block(True, rows))
        self.same, self.removed, self.added = [], [], []

    def _take_line(self, line: str) -> None:
        sign, rest, file = line[:1], line[1:], self._file()
        if sign == "\\":
            return
        if sign in ("+", "-") and self.same:
            self.end_block()
        if sign == "-":
            self.removed.append((self.old_number, rest))
            file.removed += 1
        elif sign == "+":
            self.added.append((self.new_number, rest))
            file.added += 1
        else:
            if self.removed or self.added:
                self.end_block()
            self.same.append(Row(Side(self.old_number, rest), Side(self.new_number, rest)))
        self._count(is_old=sign != "+", is_new=sign != "-")

    def _count(self, *, is_old: bool, is_new: bool) -> None:
        self.old_number += is_old
        self.left -= is_old
        self.new_number += is_new
        self.right -= is_new

    def _begin_hunk(self, found: re.Match[str]) -> None:
        self.end_block()
        old, old_lines, new, new_lines, place = found.groups()
        self.old_number, self.new_number = int(old), int(new)
        self.left, self.right = int(old_lines or 1), int(new_lines or 1)
        self._file().hunks.append(Hunk(place))

    def _take_head(self, line: str) -> None:
        self.end_block()
        self.left = self.right = 0
        if line.startswith("diff "):
            self.files.append(FileDiff())
        elif line.startswith("--- "):
            self._file(is_new=bool(self._file().hunks)).old = _name(line, mark="a/")
        elif line.startswith("+++ "):
            self._file().new = _name(line, mark="b/")
        elif line.startswith(("Binary files ", "rename from ", "rename to ", "old mode ", "new mode ")):
            self._file().words.append(line)

    def _file(self, *, is_new: bool = False) -> FileDiff:
        if is_new or not self.files:
            self.files.append(FileDiff())
        return self.files[-1]

    def _hunk(self) -> Hunk:
        return self._file().hunks[-1]


def _name(line: str, *, mark: str) -> str:
    """The name in a `---` or `+++` line, without git's mark and the time that others write behind a tab."""
    name = line[4:].partition("\t")[0].strip()
    return "" if name == NO_FILE else name.removeprefix(mark)


def _row(old: tuple[int, str] | None, new: tuple[int, str] | None) -> Row:
    if old is None or new is None:
        return Row(Side(*old) if old else None, Side(*new) if new else None)
    before = _common(old[1], new[1])
    behind = _common(old[1][len(before) :][::-1], new[1][len(before) :][::-1])[::-1]
    return Row(_side(old, before, behind), _side(new, before, behind))


def _side(line: tuple[int, str], before: str, behind: str) -> Side:
    number, words = line
    return Side(number, before, words[len(before) : len(words) - len(behind)], behind)


def _common(old: str, new: str) -> str:
    """What both begin with."""
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
