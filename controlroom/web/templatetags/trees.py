"""Values as typed trees: params, arguments, outputs. Bounded: of a large value the beginning is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import template

from pulser.language.limits import KIB

register = template.Library()

TREE_CHARS = 32 * KIB  # of JSON text
TEXT_CHARS = 320  # of a text before it is cut
TEXT_LINES = 6
PAGE = 100  # entries of an array or an object in one portion
OPEN_ENTRIES = 12  # so many entries and fewer are open from the beginning
OPEN_LEVELS = 2


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A line of the tree.

    `what`: leaf; open, a branch begins; portion, of a long one; close; rest, what is left out of a large value.
    """

    what: str
    name: str = ""
    kind: str = ""
    text: str = ""
    more: str = ""
    path: str = ""
    is_index: bool = False
    is_open: bool = False


@register.inclusion_tag("runs/_tree.html")
def tree(value: Any, name: str) -> dict[str, Any]:
    """The value as a tree; `name` makes its id, which a copy button names."""
    whole = json.dumps(value, indent=2, ensure_ascii=False)
    is_cut = len(whole) > TREE_CHARS
    return {"lines": list(_Tree().of(value)), "name": name, "json": "" if is_cut else whole, "is_cut": is_cut}


class _Tree:
    """One walk through a value, until there is no room left."""

    def __init__(self) -> None:
        self._room = TREE_CHARS

    def of(self, value: Any) -> Iterator[TreeLine]:
        """The entries of an object or an array stand by themselves: the tree needs no root."""
        if isinstance(value, Mapping | list | tuple) and value:
            yield from self._entries(value, "", 0)
        else:
            yield from self._node("", value, "", level=0)
        if self._room <= 0:
            yield TreeLine("rest")

    def _node(self, name: str, value: Any, path: str, *, level: int, is_index: bool = False) -> Iterator[TreeLine]:
        if self._room <= 0:
            return
        self._room -= len(name) + 4
        if isinstance(value, Mapping | list | tuple):
            yield from self._branch(name, value, path, level=level, is_index=is_index)
        else:
            yield self._leaf(name, value, is_index=is_index)

    def _branch(self, name: str, value: Any, path: str, *, level: int, is_index: bool) -> Iterator[TreeLine]:
        size, is_object = len(value), isinstance(value, Mapping)
        kind = f"object, {size} key{'s'[: size != 1]}" if is_object else f"array, {size} item{'s'[: size != 1]}"
        if not value:
            yield TreeLine("leaf", name, kind, "{}" if is_object else "[]", is_index=is_index)
            return
        is_open = level < OPEN_LEVELS and size <= OPEN_ENTRIES
        yield TreeLine("open", name, kind, path=path, is_index=is_index, is_open=is_open)
        yield from self._entries(value, path, level + 1)
        yield TreeLine("close")

    def _entries(self, value: Any, path: str, level: int) -> Iterator[TreeLine]:
        is_index = not isinstance(value, Mapping)
        pairs: Sequence[tuple[Any, Any]] = list(enumerate(value) if is_index else value.items())
        for first in range(0, len(pairs), PAGE):
            if self._room <= 0:
                return
            portion = pairs[first : first + PAGE]
            if first:
                last = first + len(portion) - 1
                yield TreeLine("portion", f"{first} to {last}", path=f"{path}/{first}+")
            for key, entry in portion:
                yield from self._node(str(key), entry, f"{path}/{key}", level=level, is_index=is_index)
            if first:
                yield TreeLine("close")

    def _leaf(self, name: str, value: Any, *, is_index: bool) -> TreeLine:
        kind = _kind(value)
        text = value if kind == "string" else json.dumps(value, ensure_ascii=False)
        cut = _cut(text)
        shown, more = text[:cut], text[cut : max(self._room, cut)]
        self._room -= len(shown) + len(more)
        if text.endswith("\n") and not more:  # or its end mark would stand alone in a line
            shown = f"{shown[:-1]}↵"
        return TreeLine("leaf", name, kind, shown, more, is_index=is_index)


def _cut(text: str) -> int:
    """Where a long text is cut, or one of many lines."""
    lines = text[:TEXT_CHARS].split("\n")
    return min(TEXT_CHARS, len("\n".join(lines[:TEXT_LINES])))


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "string"
