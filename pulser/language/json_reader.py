"""JSON text to nodes, for text that `json.loads` has accepted or that is nested too deep for it."""

from __future__ import annotations

import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from pulser.language.problems import Path
from pulser.language.source import ReadError, Source, SourceNode, add_entry, add_item, check_levels, scalar

_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null")
_CONSTANTS = {"true": True, "false": False, "null": None}
_DIGITS = 1000


def read(source: Source) -> SourceNode:
    """The root of the document. Raises ReadError where reading cannot go on."""
    reader = _Reader(source)
    root = reader.value(path=(), level=1)
    reader.skip_space()
    if reader.at < len(source.text):
        raise reader.unexpected()
    return root


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0

    def value(self, *, path: Path, level: int) -> SourceNode:
        self.skip_space()
        check_levels(level, at=self.at)
        character = self.text[self.at : self.at + 1]
        if character == "{":
            return self._object(path=path, level=level)
        if character == "[":
            return self._array(path=path, level=level)
        start, value = self.at, self._string() if character == '"' else self._word()
        return scalar(self.source, value, start=start, end=self.at, path=path)

    def skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def unexpected(self) -> ReadError:
        return ReadError(f"not JSON: {self.text[self.at : self.at + 1]!r} is not expected here", at=self.at)

    def _object(self, *, path: Path, level: int) -> SourceNode:
        node = SourceNode(self.at, value={})
        while self._goes_on(node, end="}"):
            at = self.at
            key = str(scalar(self.source, self._string(), start=at, end=self.at, path=path).value)
            self.skip_space()
            self._take(":")
            child = self.value(path=(*path, key), level=level + 1)
            add_entry(self.source, node, key=key, at=at, child=child, path=path)
        return node

    def _array(self, *, path: Path, level: int) -> SourceNode:
        node = SourceNode(self.at, value=[])
        while self._goes_on(node, end="]"):
            add_item(node, self.value(path=(*path, len(node.children)), level=level + 1))
        return node

    def _goes_on(self, node: SourceNode, *, end: str) -> bool:
        """Whether another part follows; passes the opening bracket, the comma or the closing bracket."""
        is_first = self.at == node.start
        if is_first:
            self.at += 1
        self.skip_space()
        if self.text.startswith(end, self.at):
            self.at += 1
            node.end = self.at
            return False
        if not is_first:
            self._take(",")
            self.skip_space()
        return True

    def _take(self, sign: str) -> None:
        if not self.text.startswith(sign, self.at):
            raise self.unexpected()
        self.at += 1

    def _string(self) -> str:
        self._take('"')
        try:
            text, self.at = scanstring(self.text, self.at, True)
        except ValueError as error:
            raise self.unexpected() from error
        return str(text)

    def _word(self) -> Any:
        found = _WORD.match(self.text, self.at)
        if found is None:
            raise self.unexpected()
        self.at = found.end()
        if found[0] in _CONSTANTS:
            return _CONSTANTS[found[0]]
        is_whole = not found[1] and not found[2]
        return int(found[0]) if is_whole and len(found[0]) < _DIGITS else float(found[0])
