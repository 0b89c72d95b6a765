"""YAML text to nodes, from PyYAML's events: its composer would recurse, and know neither bounds nor our scalars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from pulser.language.problems import Path
from pulser.language.scalars import resolve
from pulser.language.source import ReadError, Source, SourceNode, add_entry, add_item, check_levels, scalar

# The C parser is ten times faster; a PyYAML that was built without it has only the other.
_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_HINTS = {
    "mapping values are not allowed": "; put a string that contains `: ` in quotes",
    "cannot start any token": "; indent with spaces, and put a string that begins with a special character in quotes",
    "block end": "; look at the indentation",
    "block mapping": "; look at the indentation",
    "block collection": "; look at the indentation",
}


def read(source: Source) -> SourceNode | None:
    """The root of the only document. Raises ReadError where reading cannot go on."""
    try:
        return _Builder(source).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ReadError(_message(error.problem or error.context or ""), at=mark.index if mark else 0) from error
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        raise ReadError(_message(str(error).splitlines()[0] if str(error) else ""), at=0) from error


def _message(problem: str) -> str:
    hint = next((hint for sign, hint in _HINTS.items() if sign in problem), "")
    return f"not YAML: {problem or 'it cannot be read'}{hint}"


class _Builder:
    """One pass over the events, which have no types. Recursion is bounded by the levels that a document may have."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events = _events(source.text)
        self.anchors: dict[str, SourceNode] = {}
        self.open_anchors: set[str] = set()

    def build(self) -> SourceNode | None:
        root: SourceNode | None = None
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise ReadError("expected one document, got a second one", at=_start(event))
                root = self._node(next(self.events), path=(), level=1)
        return root

    def _node(self, event: Any, *, path: Path, level: int) -> SourceNode:
        at = _start(event)
        check_levels(level, at=at)
        if isinstance(event, AliasEvent):
            return self._aliased(event, level=level)
        self._refuse_tag(event, path=path)
        anchor = event.anchor
        if anchor:
            self.open_anchors.add(anchor)
        node = self._content(event, path=path, level=level)
        if anchor:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = node
        return node

    def _aliased(self, event: Any, *, level: int) -> SourceNode:
        at = _start(event)
        if event.anchor in self.open_anchors:
            raise ReadError(f"the alias `*{event.anchor}` refers to itself", at=at)
        if event.anchor not in self.anchors:
            raise ReadError(f"unknown anchor `*{event.anchor}`", at=at)
        node = self.anchors[event.anchor]
        check_levels(level + node.height - 1, at=at)
        return node

    def _refuse_tag(self, event: Any, *, path: Path) -> None:
        if event.tag is not None:
            self.source.add(path, f"tags (`{event.tag[:60]}`) are not allowed", at=_start(event))

    def _content(self, event: Any, *, path: Path, level: int) -> SourceNode:
        if isinstance(event, ScalarEvent):
            value = resolve(event.value) if event.implicit[0] else event.value
            start, end = _start(event), _end(event)
            return scalar(self.source, value, start=start, end=end, path=path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, path=path, level=level)
        return self._mapping(event, path=path, level=level)

    def _sequence(self, start: Any, *, path: Path, level: int) -> SourceNode:
        node = SourceNode(_start(start), value=[])
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                node.end = _end(event)
                break
            add_item(node, self._node(event, path=(*path, len(node.children)), level=level + 1))
        return node

    def _mapping(self, start: Any, *, path: Path, level: int) -> SourceNode:
        node = SourceNode(_start(start), value={})
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                node.end = _end(event)
                break
            key = self._key(event, path=path, parent=node)
            child = self._node(next(self.events), path=(*path, key), level=level + 1)
            add_entry(self.source, node, key=key, at=_start(event), child=child, path=path)
        return node

    def _key(self, event: Any, *, path: Path, parent: SourceNode) -> str:
        at = _start(event)
        if isinstance(event, ScalarEvent):
            return str(scalar(self.source, event.value, start=at, end=at, path=path).value)
        if isinstance(event, MappingStartEvent) and self.source.text.startswith("{{", parent.start):
            message = 'a value that begins with an expression needs quotes: write "{{ ... }}"'
            raise ReadError(message, at=parent.start)
        raise ReadError("expected a string as key", at=at)


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _start(event: Any) -> int:
    return int(event.start_mark.index)


def _end(event: Any) -> int:
    return int(event.end_mark.index)
