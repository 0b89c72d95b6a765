"""JSON Schemas that a plan brings along: of its params, and of the outputs that its steps declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulser.language.names import format_value
from pulser.language.problems import Path
from pulser.language.schema_validation import mismatches, schema_mismatches
from pulser.language.source import Source

_REFERENCES = ("$ref", "$dynamicRef")
_ANCHORS = ("$id", "$anchor", "$dynamicAnchor", "$vocabulary")
_VALUES = frozenset({"default", "const", "enum", "examples"})
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})


def check_schema(source: Source, schema: Mapping[str, Any], *, path: Path, is_params: bool = False) -> None:
    """It is a schema, refers to nothing outside itself, and its own defaults fit it."""
    found = schema_mismatches(schema)
    for mismatch in found:
        add = source.add_at_key if mismatch.is_key else source.add_at_value
        add((*path, *mismatch.path), mismatch.message)
    if is_params and schema.get("type", "object") != "object":
        source.add_at_value(
            (*path, "type"), f'expected "object", got {format_value(schema["type"])}: params have names'
        )
    if not _refers_away(source, schema, path=path):
        _check_defaults(source, schema, path=path)


def _refers_away(source: Source, schema: Any, *, path: Path) -> bool:
    """Reports references to the outside, and the keys that would change where references lead to."""
    found = False
    for place, part in _schemas_in(schema):
        for key in (key for key in _REFERENCES if key in part):
            if not (isinstance(part[key], str) and part[key].startswith("#/")):
                message = f"expected a reference within the schema (#/...), got {format_value(part[key])}"
                source.add_at_value((*path, *place, key), message)
                found = True
        for key in (key for key in _ANCHORS if key in part):
            source.add_at_key((*path, *place, key), f"`{key}` is not allowed in the schemas of a plan")
            found = True
    return found


def _schemas_in(schema: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The schema and all schemas within it, each with its path. Names of properties and literal values are none."""
    stack: list[tuple[Path, Any, bool]] = [((), schema, False)]
    while stack:
        path, part, has_names = stack.pop()
        if isinstance(part, list):
            stack.extend(((*path, index), value, False) for index, value in enumerate(part))
        elif isinstance(part, Mapping):
            if not has_names:
                yield path, part
            for key, value in part.items():
                if has_names or key not in _VALUES:
                    stack.append(((*path, key), value, not has_names and key in _NAMED_SCHEMAS))


def _check_defaults(source: Source, schema: Mapping[str, Any], *, path: Path) -> None:
    for place, part in _schemas_in(schema):
        if "default" in part and not schema_mismatches(part):
            for mismatch in mismatches(part["default"], part, root=schema):
                source.add_at_value((*path, *place, "default", *mismatch.path), f"the default: {mismatch.message}")
