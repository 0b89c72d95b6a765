"""YAML or JSON text to a document that knows line and column of every key and value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from pulser.language import json_reader, limits, yaml_reader
from pulser.language.source import ReadError, Source, SourceNode

_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def read(text: str) -> Source:
    """Reads a document. Never raises: what is wrong stands in the problems, and what could be read in the tree."""
    source = Source(text.removeprefix("\ufeff"))
    try:
        _check_text(source.text)
        source.root = _reader(source.text)(source)
        _check_root(source)
    except ReadError as error:
        source.root = None
        source.add((), error.message, at=error.at)
    return source


def _check_text(text: str) -> None:
    size = len(text.encode(errors="replace"))
    if size > limits.PLAN_BYTES:
        raise ReadError(f"the document has {size:,} bytes; at most {limits.PLAN_BYTES:,} are allowed", at=0)
    if found := _UNREADABLE.search(text):
        raise ReadError(f"the character U+{ord(found[0]):04X} cannot stand in a document", at=found.start())
    if not text.strip():
        raise ReadError("the document is empty; expected a plan: `pulser: 1`, `slug`, `steps`", at=0)


def _reader(text: str) -> Callable[[Source], SourceNode | None]:
    # JSON has escapes and tabs that YAML readers refuse, so what is JSON is read as such.
    if text.lstrip().startswith("{"):
        try:
            json.loads(text)
        except RecursionError:
            return json_reader.read
        except ValueError:
            return yaml_reader.read
        return json_reader.read
    return yaml_reader.read


def _check_root(source: Source) -> None:
    root = source.root
    if root is None or not isinstance(root.value, dict):
        raise ReadError("expected a plan: a mapping with `pulser: 1`, `slug` and `steps`", at=root.start if root else 0)
