"""Which control each part of a params schema asks for, and where that part stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote, unquote

from pulser.language.names import kind_of, kind_phrase
from pulser.language.patterns import has_match
from pulser.language.problems import Path

Schema = Mapping[str, Any]

ROOT_NAME = "p"
LEVELS = 6  # of objects, lists and alternatives in one another; what lies deeper is written as JSON
BREADTH = 400  # parts beside one another, beyond which no further groups are drawn in them
REFERENCES = 10  # followed from one to the next
CHOICES_TICKED = 40  # a list of so many choices is shown as boxes to tick
ALTERNATIVES = 20
SCALARS = {"string": "text", "integer": "number", "number": "number", "boolean": "flag", "null": "fixed"}
DRAWN = frozenset({"type", "properties", "items", "const", "enum", "anyOf", "oneOf", "additionalProperties"})


class AbsentValue:
    """No value: not even null."""

    def __bool__(self) -> bool:
        return False


MISSING: Final = AbsentValue()


class Kind(StrEnum):
    """The control: a file of this name in `templates/plans/fields/`."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    CHECKS = "checks"
    FIXED = "fixed"
    OBJECT = "object"
    LIST = "list"
    ALTERNATIVES = "alternatives"
    JSON = "json"


COMPOUND = frozenset({Kind.OBJECT, Kind.LIST, Kind.ALTERNATIVES})


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the schema, its references followed.

    `name`: of its control. `is_needed`: it always has a value. `is_required`: the schema says so. `is_item`: of a list
    or a row, where an empty text is a text. `is_filled`: a start fills in defaults inside it, because no reference lies
    before it.
    """

    root: Schema
    schema: Schema
    name: str
    path: Path
    kind: Kind
    is_needed: bool = True
    is_required: bool = True
    is_item: bool = False
    is_filled: bool = False
    level: int = 0
    breadth: int = 1  # how many like it there may be, as the objects around it multiply

    def properties(self) -> list[Part]:
        """The named members of an object, in the order of the document."""
        required = self.schema.get("required", ())
        return [
            self._inner(part, segment(name), (*self.path, name), is_required=name in required, is_member=True)
            for name, part in _mapping(self.schema.get("properties")).items()
        ]

    def item(self, number: int, *, key: str = "") -> Part:
        """An item of a list; `key` is its number in the names of controls, where that differs from its place."""
        key = key or str(number)
        prefix = self.schema.get("prefixItems") or ()
        schema = prefix[number] if number < len(prefix) else self.schema.get("items", {})
        return self._inner(schema, key, (*self.path, number), is_item=True)

    def row(self, number: str, *, key: str) -> Part:
        """The value of a further key of an object."""
        return self._inner(_schema_of_key(self.schema, key), f"+.{number}.v", (*self.path, key), is_item=True)

    def alternatives(self) -> list[Schema]:
        return alternatives_of(self.schema, self.root)

    def alternative(self, number: int) -> Part:
        """The part as its alternative of this number has it; its controls are named apart."""
        schema = self.alternatives()[number]
        return self._inner(schema, "~", self.path, is_item=self.is_item)

    @property
    def takes_other_keys(self) -> bool:
        others = self.schema.get("additionalProperties")
        return others is True or isinstance(others, Mapping) or bool(self.schema.get("patternProperties"))

    @property
    def label(self) -> str:
        own, last = self.schema.get("title"), self.path[-1] if self.path else ""
        if isinstance(last, int):
            return f"{own} {last + 1}" if own else str(last + 1)
        return str(own or last or "Params")

    @property
    def default(self) -> Any:
        return self.schema.get("default", MISSING)

    def _inner(
        self,
        schema: Any,
        key: str,
        path: Path,
        *,
        is_item: bool = False,
        is_required: bool = True,
        is_member: bool = False,
    ) -> Part:
        known = resolved(schema, self.root)
        # A start fills in defaults along plain properties only: behind a reference or an alternative it does not look.
        is_plain = self.is_filled and is_member and isinstance(schema, Mapping)
        has_default = is_plain and "default" in schema
        kind = kind_for(known, self.root, level=self.level + 1)
        breadth = self.breadth * max(1, len(_mapping(self.schema.get("properties"))))
        return Part(
            root=self.root,
            schema=known,
            name=f"{self.name}.{key}",
            path=path,
            kind=Kind.JSON if kind in COMPOUND and breadth > BREADTH else kind,
            is_needed=is_required or has_default,
            is_required=is_required,
            is_item=is_item,
            is_filled=is_plain and "$ref" not in schema and "allOf" not in schema,
            level=self.level + 1,
            breadth=breadth,
        )


def root_part(schema: Schema) -> Part:
    """The params as a whole: always an object, or its JSON."""
    known = resolved(schema, schema)
    kind = kind_for(known, schema, level=0)
    if kind not in (Kind.OBJECT, Kind.ALTERNATIVES):
        takes_none = known.get("properties") == {} or known.get("additionalProperties") is False
        kind = Kind.OBJECT if takes_none else Kind.JSON
    is_filled = "$ref" not in schema and "allOf" not in schema
    return Part(root=schema, schema=known, name=ROOT_NAME, path=(), kind=kind, is_filled=is_filled)


def segment(name: str) -> str:
    """A property's name inside the dotted name of a control."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def plain_name(part: str) -> str:
    return unquote(part)


def token(value: Any) -> str:
    """A value as the text of a choice: JSON, so that 1 and "1" differ."""
    return json.dumps(value, sort_keys=True)


def resolved(schema: Any, root: Schema, *, level: int = 0) -> Schema:
    """The schema with its references and `allOf` written out; `{}` for what allows everything or nothing."""
    if not isinstance(schema, Mapping) or level > REFERENCES:
        return {}
    for _ in range(REFERENCES):
        if "$ref" not in schema:
            break
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = merged(_at(str(schema["$ref"]), root), rest)
    known: Schema = schema
    parts = known.get("allOf")
    if isinstance(parts, list) and all(isinstance(part, Mapping) and "allOf" not in part for part in parts):
        own = {key: value for key, value in known.items() if key != "allOf"}
        for part in parts:
            own = merged(resolved(part, root, level=level + 1), own)
        return own
    return known


def _at(reference: str, root: Schema) -> Schema:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return _mapping(found)


def merged(base: Schema, over: Schema) -> dict[str, Any]:
    """Both together; where they disagree, the second wins."""
    both = {**base, **over}
    if "properties" in base and "properties" in over:
        both["properties"] = {**_mapping(base["properties"]), **_mapping(over["properties"])}
    if "required" in base and "required" in over:
        both["required"] = [*base["required"], *(name for name in over["required"] if name not in base["required"])]
    return both


def kind_for(schema: Schema, root: Schema, *, level: int) -> Kind:
    """The control that suits; JSON for what has no shape, and for what lies too deep."""
    if level > LEVELS:
        return Kind.JSON
    if "const" in schema:
        return Kind.FIXED
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return Kind.CHOICE
    if alternatives_of(schema, root):
        return Kind.ALTERNATIVES
    declared = schema.get("type")
    declared = declared[0] if isinstance(declared, list) and declared else declared
    if declared in SCALARS:
        return Kind(SCALARS[str(declared)])
    if declared == "array" or (declared is None and "items" in schema):
        return _kind_of_list(schema, root)
    return Kind.OBJECT if declared in ("object", None) and _is_drawn_object(schema) else Kind.JSON


def _kind_of_list(schema: Schema, root: Schema) -> Kind:
    if not isinstance(schema.get("items"), Mapping) and not schema.get("prefixItems"):
        return Kind.JSON
    choices = resolved(schema.get("items"), root).get("enum")
    is_short = isinstance(choices, list) and 0 < len(choices) <= CHOICES_TICKED
    return Kind.CHECKS if is_short and "prefixItems" not in schema else Kind.LIST


def _is_drawn_object(schema: Schema) -> bool:
    others = schema.get("additionalProperties")
    return bool(schema.get("properties") or schema.get("patternProperties")) or isinstance(others, Mapping)


def alternatives_of(schema: Schema, root: Schema) -> list[Schema]:
    """What a value may be, one or the other; empty when the schema offers no choice that changes the control."""
    declared = schema.get("type")
    general = ("anyOf", "oneOf", "title", "description", "default", "examples")
    base = {key: value for key, value in schema.items() if key not in general}
    if isinstance(declared, list) and len(declared) > 1:
        return [{**base, "type": each} for each in declared]
    either: list[Any] = next((schema[key] for key in ("oneOf", "anyOf") if isinstance(schema.get(key), list)), [])
    shapes = [resolved(each, root) for each in either]
    if not shapes or len(shapes) > ALTERNATIVES or not all(DRAWN & shape.keys() for shape in shapes):
        return []
    return [merged(base, shape) for shape in shapes]


def labels_of(alternatives: list[Schema]) -> Iterator[str]:
    """What each alternative is called: its title, else what it holds."""
    for number, schema in enumerate(alternatives, start=1):
        declared = schema.get("type")
        if schema.get("title"):
            yield str(schema["title"])
        elif "const" in schema:
            yield token(schema["const"])
        elif declared == "object" and schema.get("properties"):
            yield "with " + ", ".join(list(schema["properties"])[:3])
        else:
            yield kind_phrase(declared) if isinstance(declared, str) else f"alternative {number}"


def is_kind(value: Any, *kinds: str) -> bool:
    return kind_of(value) in kinds


def _schema_of_key(schema: Schema, key: str) -> Any:
    patterns = _mapping(schema.get("patternProperties"))
    others = schema.get("additionalProperties", {})
    for pattern, part in patterns.items():
        if _matches(pattern, key) or (not key and len(patterns) == 1 and not isinstance(others, Mapping)):
            return part
    return others


def _matches(pattern: str, key: str) -> bool:
    try:
        return has_match(pattern, key)
    except ValueError:
        return False


def _mapping(value: Any) -> Schema:
    return value if isinstance(value, Mapping) else {}
