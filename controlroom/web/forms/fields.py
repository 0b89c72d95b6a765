"""Fields: what is shown for a part of the schema, the value that it has, and what the schema asks for in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlroom.web.forms.parts import MISSING, Kind, Part, Schema

RADIOS = 4  # choices that are all shown
AREA_CHARS = 200  # a text that may be longer gets several lines
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} character{}",
    "maxLength": "at most {} character{}",
    "pattern": "matches {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
FORMATS = {
    "date-time": "like 2026-01-31T12:00:00Z",
    "uri": "a URL with its scheme",
    "uuid": "a UUID",
    "regex": "a regular expression",
}


@dataclass(frozen=True, slots=True)
class Choice:
    text: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """What is shown for a part: how `text`, `is_set`, `row` and `key` are sent is in `wire`."""

    part: Part
    kind: Kind
    value: Any = MISSING
    text: str = ""
    members: tuple[Field, ...] = ()
    choices: tuple[Choice, ...] = ()
    is_set: bool = True
    row: str = ""  # its number in `i:` of the list or object around it
    key: str | None = None  # of a row of an object
    error: str = ""
    was: str | None = None  # the value before, where there is one to compare with
    was_texts: tuple[str, ...] = ()  # the same in the texts of the control
    is_changed: bool = False

    @property
    def name(self) -> str:
        return self.part.name

    @property
    def is_demanded(self) -> bool:
        return self.part.is_required and not self.part.is_item

    @property
    def is_optional(self) -> bool:
        return not self.part.is_required and not self.part.is_item

    @property
    def labels(self) -> Iterator[str]:
        """What is written below and belongs to the control."""
        notes = (("help", self.help or bounds_of(self.schema)), ("was", self.was), ("error", self.error))
        return (f"{self.name}-{word}" for word, text in notes if text)

    @property
    def help(self) -> str:
        return str(self.schema.get("description", ""))

    @property
    def template(self) -> str:
        return f"plans/fields/_{self.kind}.html"

    @property
    def label(self) -> str:
        return "Value" if self.key is not None else self.part.label

    @property
    def key_name(self) -> str:
        return self.part.name.removesuffix(".v") + ".k"

    @property
    def rows_name(self) -> str:
        """What further rows are added to."""
        return self.name + ".+" if self.part.kind is Kind.OBJECT else self.name

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.part.schema

    @property
    def is_short(self) -> bool:
        """Few choices are all shown."""
        return len(self.choices) <= RADIOS

    @property
    def is_area(self) -> bool:
        return "\n" in self.text or int(self.schema.get("maxLength", 0)) > AREA_CHARS

    @property
    def input_type(self) -> str:
        """A kind of input that leaves this very text alone: browsers tidy what they know the format of."""
        if self.kind is Kind.NUMBER:
            return "number" if len(self.text) < 16 and (not self.text or self.value is not MISSING) else "text"
        wanted = {"date": "date", "email": "email", "uri": "url"}.get(str(self.schema.get("format")), "text")
        if self.schema.get("writeOnly") or self.schema.get("format") == "password":
            return "password"
        is_tidy = self.text.isascii() and not any(character.isspace() for character in self.text)
        is_date = not self.text or (len(self.text) == 10 and not self.error)
        return wanted if is_tidy and (wanted != "date" or is_date) else "text"

    @property
    def parts_below(self) -> Iterator[Field]:
        yield self
        for member in self.members:
            yield from member.parts_below


def bounds_of(schema: Schema) -> str:
    """`at least 1, at most 5`."""
    return ", ".join(_bounds(schema))


def _bounds(schema: Schema) -> Iterator[str]:
    for key, words in BOUNDS.items():
        if key in schema:
            yield words.format(schema[key], "" if schema[key] == 1 else "s")
    if (known := FORMATS.get(str(schema.get("format")))) is not None:
        yield known
