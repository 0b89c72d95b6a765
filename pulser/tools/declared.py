"""Outputs that a script writes to the file `$PULSER_OUTPUT`, checked against what the step declares.

    echo "commit=$(git rev-parse HEAD)" >> "$PULSER_OUTPUT"
    { echo "notes<<END"; cat NOTES; echo END; } >> "$PULSER_OUTPUT"

A line is `name=value`; a value of several lines stands between `name<<WORD` and a line `WORD`. A name written twice has
its last value. A declared string is taken as it is, every other type is read as JSON.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulser.language.json_values import parse_json
from pulser.language.limits import OUTPUT_BYTES
from pulser.language.problems import path_text
from pulser.language.schema_validation import mismatches
from pulser.tools.values import clean_text, storable

_ENTRY = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(=|<<)(.*)", re.DOTALL)
_SHOWN_CHARS = 100


@dataclass(slots=True)
class DeclaredOutputs:
    """What was written: the right values, what is wrong (one sentence each), and what is merely odd."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_declared_outputs(path: Path, *, declared: Mapping[str, Mapping[str, Any]]) -> DeclaredOutputs:
    """Reads the file and checks it. Never raises: what is wrong stands in `problems`."""
    found = DeclaredOutputs()
    try:
        written = dict(_entries(_read(path)))
    except ValueError as error:
        found.problems.append(f"$PULSER_OUTPUT: {error}")
        return found
    for name, schema in declared.items():
        _take(found, name, text=written.get(name), schema=schema)
    for name in sorted(written.keys() - declared.keys()):
        found.warnings.append(f"output {name[:_SHOWN_CHARS]!r} is not declared in the step's `outputs`: ignored")
    return found


def _read(path: Path) -> str:
    # The script may have put anything in its place; a fifo or a link must neither block nor lead out.
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("is no longer a plain file")
        data = stream.read(OUTPUT_BYTES + 1)
    if len(data) > OUTPUT_BYTES:
        raise ValueError(f"has more than {OUTPUT_BYTES:,} bytes; leave large results as artifacts")
    return data.decode()  # UnicodeDecodeError is a ValueError that names the place


def _entries(text: str) -> Iterator[tuple[str, str]]:
    lines = iter(text.removesuffix("\n").split("\n"))
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            raise ValueError(f"expected name=value or name<<WORD, got {line[:_SHOWN_CHARS]!r} (entry {number})")
        name, sign, rest = entry.groups()
        yield name, rest if sign == "=" else _block(lines, name=name, word=rest.strip())


def _block(lines: Iterator[str], *, name: str, word: str) -> str:
    if not word:
        raise ValueError(f"output {name!r}: a word is missing after <<")
    block: list[str] = []
    for line in lines:
        if line == word:
            return "\n".join(block)
        block.append(line)
    raise ValueError(f"output {name!r}: no line {word[:_SHOWN_CHARS]!r} ends its value")


def _take(found: DeclaredOutputs, name: str, *, text: str | None, schema: Mapping[str, Any]) -> None:
    if text is None:
        _take_missing(found, name, schema=schema)
        return
    try:
        value = clean_text(text) if "string" in _types(schema) else storable(parse_json(text))
    except ValueError:
        found.problems.append(f"output `{name}`: expected {_expected(schema)} as JSON, got {text[:_SHOWN_CHARS]!r}")
        return
    wrong = mismatches(value, schema)
    if not wrong:
        found.values[name] = value
    else:
        place = path_text((name, *wrong[0].path))
        found.problems.append(f"output `{place}`: {wrong[0].message[:500]}")


def _take_missing(found: DeclaredOutputs, name: str, *, schema: Mapping[str, Any]) -> None:
    if "null" in _types(schema):
        found.values[name] = None
    else:
        found.problems.append(f"declared output `{name}` was not written to $PULSER_OUTPUT")


def _types(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _expected(schema: Mapping[str, Any]) -> str:
    return " or ".join(_types(schema)) or "a value"
