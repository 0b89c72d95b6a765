"""A text and the tree that is read from it: every value knows where it stands."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from pulser.language import limits
from pulser.language.problems import Path, Problem, path_text

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(slots=True)
class SourceNode:
    """A value and its place. `start` and `end` are offsets in the text; `keys` has the place of each key of a mapping.

    `count`, `chars` and `height` are those of the whole tree below it, aliases written out.
    """

    start: int
    end: int = 0
    value: Any = None
    children: dict[str | int, SourceNode] = field(default_factory=dict)
    keys: dict[str | int, int] = field(default_factory=dict)
    count: int = 1
    chars: int = 0
    height: int = 1

    def adopt(self, key: str | int, child: SourceNode) -> None:
        """Takes a finished child in, value and sizes."""
        self.children[key] = child
        if isinstance(key, int):
            self.value.append(child.value)
        else:
            self.value[key] = child.value
            self.chars += len(key)
        self.count += child.count
        self.chars += child.chars
        self.height = max(self.height, child.height + 1)


class ReadError(Exception):
    """The text ends here as far as reading goes."""

    def __init__(self, message: str, *, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


class Source:
    """A text, the tree that was read from it, and the problems found on the way."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root: SourceNode | None = None
        self.problems: list[Problem] = []
        self._lines = [0, *(match.end() for match in re.finditer("\r\n?|\n", text))]

    @property
    def document(self) -> Any:
        return self.root.value if self.root else None

    def add(self, path: Path, message: str, *, at: int) -> None:
        line, column = self.place(at)
        self.problems.append(Problem(line, column, path_text(path), message))

    def add_at_value(self, path: Path, message: str) -> None:
        """A problem with the value at this path, or with the nearest one around it when it is not there."""
        self.add(path, message, at=self._find(path)[0].start)

    def add_at_key(self, path: Path, message: str) -> None:
        """A problem with the key itself, not with what stands behind it."""
        parent = self._find(path[:-1])[0]
        self.add(path, message, at=parent.keys.get(path[-1], parent.start))

    def add_at_expression(self, path: Path, message: str, *, ordinal: int) -> None:
        """A problem with one of the expressions of the text at this path: its place is that of its `{{`."""
        node, found = self._find(path)
        at = node.start
        if found and isinstance(node.value, str):
            places = [match.start() for match in re.finditer(r"\{\{", self.text[node.start : node.end])]
            at += _place_of_expression(self.text[node.start : node.end], places, ordinal=ordinal)
        self.add(path, message, at=at)

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._lines, at) - 1
        return line + 1, at - self._lines[line] + 1

    def _find(self, path: Path) -> tuple[SourceNode, bool]:
        node = self.root or SourceNode(start=0)
        for part in path:
            if part not in node.children:
                return node, False
            node = node.children[part]
        return node, True


def _place_of_expression(written: str, places: list[int], *, ordinal: int) -> int:
    """The offset of the nth expression; one `{{` inside the text of another expression does not count."""
    position = 0
    for place in places:
        if place < position:
            continue
        if ordinal == 0:
            return place
        ordinal -= 1
        end = written.find("}}", place)
        position = end if end >= 0 else place + 2
    return 0


def scalar(source: Source, value: Any, *, start: int, end: int, path: Path) -> SourceNode:
    """A leaf. Numbers that JSON has no room for, and characters that cannot be stored, are problems."""
    if isinstance(value, str):
        if found := _UNSTORABLE.search(value):
            source.add(path, f"the character U+{ord(found[0]):04X} cannot be stored", at=start)
            value = _UNSTORABLE.sub("", value)
        return SourceNode(start, end, value, chars=len(value))
    if isinstance(value, int) and abs(value) > limits.INTEGER_MAX:
        source.add(path, "a whole number has at most 64 bits; put it in quotes to keep it as a string", at=start)
        value = 0
    if isinstance(value, float) and not math.isfinite(value):
        source.add(path, "expected a finite number", at=start)
        value = 0.0
    return SourceNode(start, end, value, chars=len(str(value)))


def add_item(parent: SourceNode, child: SourceNode) -> None:
    """The next item of a list. Raises ReadError when the document becomes too large with it."""
    parent.adopt(len(parent.children), child)
    _check_sizes(parent, at=child.start)


def add_entry(source: Source, parent: SourceNode, *, key: str, at: int, child: SourceNode, path: Path) -> None:
    """An entry of a mapping; a key that is there already is a problem. Raises ReadError, as above."""
    if key in parent.children:
        line, _ = source.place(parent.keys[key])
        source.add((*path, key), f"`{key[:100]}` is a duplicate key; the first is in line {line}", at=at)
        return
    parent.keys[key] = at
    parent.adopt(key, child)
    _check_sizes(parent, at=child.start)


def _check_sizes(node: SourceNode, *, at: int) -> None:
    if node.count > limits.PLAN_NODES:
        raise ReadError(f"the document has more than {limits.PLAN_NODES:,} values", at=at)
    if node.chars > limits.PLAN_BYTES:
        raise ReadError(f"the document is larger than {limits.PLAN_BYTES:,} bytes with its aliases expanded", at=at)


def check_levels(levels: int, *, at: int) -> None:
    if levels > limits.PLAN_LEVELS:
        raise ReadError(f"the document is nested more than {limits.PLAN_LEVELS} levels deep", at=at)
