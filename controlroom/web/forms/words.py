"""What a schema asks of a value, in words."""

from __future__ import annotations

from collections.abc import Iterator

from controlroom.web.forms.parts import Schema

BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} character{}",
    "maxLength": "at most {} character{}",
    "pattern": "matches {}",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}
FORMATS = {
    "date-time": "like 2026-01-31T12:00:00Z",
    "uri": "an address with its scheme",
    "uuid": "a UUID",
    "regex": "a regular expression",
}


def bounds_of(schema: Schema) -> str:
    """`at least 1, at most 5`."""
    return ", ".join(_bounds(schema))


def _bounds(schema: Schema) -> Iterator[str]:
    for key, words in BOUNDS.items():
        if key in schema:
            yield words.format(schema[key], "" if schema[key] == 1 else "s")
    if (known := FORMATS.get(str(schema.get("format")))) is not None:
        yield known
