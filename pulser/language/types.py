"""Types of values are JSON Schemas; `{}` is what nothing is known about, and it fits everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pulser.language.names import kind_of

Type = Mapping[str, Any]

ANY: Type = {}
_LEVELS = 20  # of references and alternatives; a schema that goes deeper counts as unknown
_ALTERNATIVES = 50


class NoField(Exception):
    """The type has no such field. `known` are the fields that it has; `kinds` is set when it is no object at all."""

    def __init__(self, *, known: Iterable[str] = (), kinds: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.known = sorted(known)
        self.kinds = kinds


def of_kind(*kinds: str) -> Type:
    return {"type": sorted(kinds)}


def of_value(value: Any) -> Type:
    return {"const": value}


def union(*types: Type) -> Type:
    different = [each for index, each in enumerate(types) if each not in types[:index]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def kinds(schema: Type, *, root: Type | None = None) -> frozenset[str] | None:
    """The JSON kinds that a value of this type may have; None when that is not known."""
    found: set[str] = set()
    for alternative in _alternatives(schema, root=root or schema):
        named = _named(alternative)
        if named is None:
            return None
        found |= named
    return frozenset(found) or None


def fits(given: Type, wanted: frozenset[str] | None) -> bool:
    """False only when no value of this type could be of the wanted kinds."""
    have = kinds(given)
    return have is None or wanted is None or bool(have & wanted)


def field(schema: Type, key: str) -> Type:
    """The type of a field. Raises NoField when no alternative of the type can have it."""
    return _looked_up(schema, key, wanted="object")


def item(schema: Type, index: int) -> Type:
    """The type of an item of a list. Raises NoField when the type is no list."""
    return _looked_up(schema, index, wanted="array")


def _looked_up(schema: Type, key: str | int, *, wanted: str) -> Type:
    found: list[Type] = []
    known: set[str] = set()
    seen: set[str] = set()
    for alternative in _alternatives(schema, root=schema):
        named = _named(alternative)
        if named is None and not _describes(alternative, wanted):
            return ANY
        seen |= named or set()
        if named is not None and wanted not in named:
            continue
        part = _property(alternative, key) if isinstance(key, str) else _item(alternative, key)
        known |= set(_as_schema(alternative.get("properties")))
        if part is not None:
            found.append(_rooted(part, schema))
    if found:
        return union(*found)
    if seen == {"null"} or not seen:
        return ANY
    raise NoField(known=known, kinds=frozenset() if wanted in seen else frozenset(seen))


def _describes(schema: Type, wanted: str) -> bool:
    return ("properties" if wanted == "object" else "items") in schema


def _property(schema: Type, key: str) -> Type | None:
    """None: the schema names its fields, and this is not one of them."""
    properties = _as_schema(schema.get("properties"))
    if key in properties:
        return _as_schema(properties[key])
    others = schema.get("additionalProperties")
    if others is False:
        return None
    if others is not None or "patternProperties" in schema or "allOf" in schema:
        return _as_schema(others)
    return None if properties else ANY


def _item(schema: Type, index: int) -> Type | None:
    prefix = schema.get("prefixItems")
    if isinstance(prefix, list) and 0 <= index < len(prefix):
        return _as_schema(prefix[index])
    return ANY if prefix else _as_schema(schema.get("items"))


def _as_schema(value: Any) -> Type:
    return value if isinstance(value, Mapping) else ANY


def _rooted(part: Type, whole: Type) -> Type:
    """A part keeps the definitions of the whole, to which its references lead."""
    definitions = {key: whole[key] for key in ("$defs", "definitions") if key in whole}
    return {**definitions, **part} if definitions and part else part


def _alternatives(schema: Type, *, root: Type) -> Iterator[Type]:
    """The schema itself, or what its reference and alternatives lead to."""
    stack, count = [(schema, 0)], 0
    while stack:
        part, level = stack.pop(0)
        count += 1
        if level > _LEVELS or count > _ALTERNATIVES:
            yield ANY
            return
        if "$ref" in part:
            stack.append((_resolved(str(part["$ref"]), root), level + 1))
            continue
        either = next((part[key] for key in ("anyOf", "oneOf") if isinstance(part.get(key), list)), None)
        if either and "type" not in part:
            stack.extend((_as_schema(each), level + 1) for each in either)
        else:
            yield part


def _resolved(reference: str, root: Type) -> Type:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return _as_schema(found)


def _named(schema: Type) -> set[str] | None:
    declared = schema.get("type")
    if isinstance(declared, str):
        return _widened({declared})
    if isinstance(declared, list):
        return _widened({str(each) for each in declared})
    if "const" in schema:
        return {kind_of(schema["const"])}
    if isinstance(schema.get("enum"), list):
        return {kind_of(each) for each in schema["enum"]}
    return None


def _widened(named: set[str]) -> set[str]:
    return named | {"integer"} if "number" in named else named
