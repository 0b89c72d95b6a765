"""Values against JSON Schemas (draft 2020-12), in our words. A value may have holes: parts known only at run time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from pulser.language.durations import moment, seconds
from pulser.language.limits import WAIT_MAX_S
from pulser.language.names import did_you_mean, format_value, kinds_phrase, one_of, wrong_kind
from pulser.language.patterns import check_pattern, check_unevaluated_properties, has_match, is_other_key, time_budget
from pulser.language.problems import Path
from pulser.language.types import Type, fits, kinds

_FORMATS = FormatChecker(("date", "email", "ipv4", "ipv6", "uuid"))  # those that need no other package
_SPOKEN_FORMATS = ("date-time", "pulser-duration")  # their checks, below, say themselves what was expected
_NOWHERE: Any = Registry()  # it fetches nothing


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An expression in the place of a value: the type it will have, its text, and which expression of it is meant."""

    type: Type
    text: str
    ordinal: int = 0

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A part that does not fit. `is_key`: the key itself is wrong; `ordinal`: the expression that does not fit."""

    path: Path
    message: str
    is_key: bool = False
    ordinal: int | None = None
    unknown_key: str | None = None


def mismatches(value: Any, schema: Mapping[str, Any], *, root: Mapping[str, Any] | None = None) -> list[Mismatch]:
    """All parts of the value that do not fit the schema; none when it fits. Nothing is fetched from anywhere.

    `root` is the schema that this one is a part of: where its references begin.
    """
    whole = _Validator(root or schema, registry=_NOWHERE, format_checker=_FORMATS)
    validator = whole.evolve(schema=schema) if root else whole
    try:
        with time_budget():
            found = _found(validator, value, root or schema)
    except RecursionError:
        return [Mismatch((), "the value is nested too deeply, or its schema refers to itself endlessly")]
    except Unresolvable as error:
        return [Mismatch((), f"the schema refers to {format_value(str(error.ref))}, which does not exist")]
    return list({(each.path, each.message): each for each in found}.values())


def _found(validator: Any, value: Any, root: Mapping[str, Any]) -> list[Mismatch]:
    try:
        check_unevaluated_properties(value, root)
    except ValueError as error:
        return [Mismatch((), f"whether its keys are allowed cannot be checked: {error}")]
    return [mismatch for error in validator.iter_errors(value) for mismatch in _described(error)]


def schema_mismatches(schema: Any) -> tuple[Mismatch, ...]:
    """What keeps a value from being a JSON Schema (draft 2020-12)."""
    return _schema_mismatches(json.dumps(schema))


@lru_cache(maxsize=256)
def _schema_mismatches(text: str) -> tuple[Mismatch, ...]:
    # The steps of a plan declare the same few types again and again, and the schema of schemas is slow to apply.
    return tuple(mismatches(json.loads(text), Draft202012Validator.META_SCHEMA))


@_FORMATS.checks("regex", raises=ValueError)
def _is_pattern(value: object) -> bool:
    """Raises ValueError."""
    if isinstance(value, str):
        check_pattern(value)
    return True


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    """RFC 3339. Raises ValueError."""
    if isinstance(value, str):
        moment(value)
    return True


@_FORMATS.checks("pulser-duration", raises=ValueError)
def _is_duration(value: object) -> bool:
    """A duration of our language, no longer than the longest wait. Raises ValueError."""
    if isinstance(value, str | int | float) and not isinstance(value, bool) and seconds(value) > WAIT_MAX_S:
        raise ValueError(f"expected at most {WAIT_MAX_S / 86400:.0f} days, the longest wait, got {format_value(value)}")
    return True


def has_placeholder(value: Any) -> bool:
    if isinstance(value, Placeholder):
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(has_placeholder(part) for part in parts)


# The validator: jsonschema's own, taught that a hole has a type and nothing else.

_Keyword = Callable[..., Iterable[ValidationError]]
"""jsonschema asks it by position: the validator, the keyword's value, the instance, the schema around."""

_JUDGED_WITH_HOLES = frozenset({"type", "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "enum", "const"})
_NEEDS_THE_WHOLE = frozenset(
    {"not", "if", "uniqueItems", "contains", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"}
)


def _guarded(name: str, keyword: _Keyword) -> _Keyword:
    def judge(*question: Any) -> Iterable[ValidationError]:
        _, _, instance, _ = question
        if name in _NEEDS_THE_WHOLE and has_placeholder(instance):
            return ()
        if isinstance(instance, Placeholder) and name not in _JUDGED_WITH_HOLES:
            return ()
        return keyword(*question) or ()

    return judge


def _one_of(*question: Any) -> Iterable[ValidationError]:
    _, _, instance, _ = question
    # A hole may fit several alternatives now and one when it is filled.
    keyword = "anyOf" if has_placeholder(instance) else "oneOf"
    return _STANDARD[keyword](*question) or ()


def _const(validator: Any, *question: Any) -> Iterable[ValidationError]:
    value, *rest = question
    return _enum(validator, [value], *rest)


def _enum(*question: Any) -> Iterable[ValidationError]:
    _, choices, instance, _ = question
    if isinstance(instance, Placeholder):
        if not fits(instance.type, kinds({"enum": choices})):
            yield ValidationError("the kind is wrong")
    elif not any(choice == instance and isinstance(choice, bool) == isinstance(instance, bool) for choice in choices):
        yield ValidationError("not among the choices")


def _is_type(checker: Any, instance: Any, *, kind: str) -> bool:
    if isinstance(instance, Placeholder):
        return fits(instance.type, kinds({"type": kind}))
    return bool(Draft202012Validator.TYPE_CHECKER.is_type(instance, kind))


_KINDS = ("array", "boolean", "integer", "null", "number", "object", "string")


def _pattern(*question: Any) -> Iterable[ValidationError]:
    _, pattern, instance, _ = question
    if isinstance(instance, str):
        try:
            if not has_match(pattern, instance):
                yield ValidationError("it does not match")
        except ValueError as error:
            yield ValidationError("it cannot be matched", cause=error)


def _pattern_properties(*question: Any) -> Iterable[ValidationError]:
    validator, parts, instance, _ = question
    for key, value in instance.items() if isinstance(instance, dict) else ():
        for pattern, part in parts.items():
            try:
                is_meant = has_match(pattern, key)
            except ValueError as error:
                yield ValidationError("it cannot be matched", path=(key,), cause=error, validator_value=pattern)
                continue
            if is_meant:
                yield from validator.descend(value, part, path=key, schema_path=pattern)


def _additional_properties(*question: Any) -> Iterable[ValidationError]:
    validator, allowed, instance, schema = question
    others = [key for key in instance if is_other_key(key, schema)] if isinstance(instance, dict) else []
    if isinstance(allowed, Mapping):
        for key in others:
            yield from validator.descend(instance[key], allowed, path=key)
    elif not allowed and others:
        yield ValidationError("there are others")


_STANDARD: Mapping[str, Any] = Draft202012Validator.VALIDATORS
_OWN: dict[str, _Keyword] = {
    "oneOf": _one_of,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}
_extend: Any = extend  # it has no types
_Validator: Any = _extend(
    Draft202012Validator,
    validators={name: _guarded(name, _OWN.get(name, keyword)) for name, keyword in _STANDARD.items()},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {kind: partial(_is_type, kind=kind) for kind in _KINDS}
    ),
)


# From its errors to sentences. They are Any here: an error of jsonschema may lack each of its parts, those of a
# validator never do.

_BOUNDS = {
    "minLength": "a length of at least {}",
    "maxLength": "a length of at most {}",
    "minItems": "a length of at least {}",
    "maxItems": "a length of at most {}",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "pattern": "a string that matches {}",
    "format": "a string of the format {}",
}


def _described(error: Any, base: Path = ()) -> Iterator[Mismatch]:
    path: Path = (*base, *error.relative_path)
    if "propertyNames" in error.absolute_schema_path:
        problem = f": {_sentence(error)}" if error.cause else " is not allowed here"
        yield Mismatch((*path, str(error.instance)), f"the key {format_value(error.instance)}{problem}", is_key=True)
    elif error.validator in ("anyOf", "oneOf") and error.context:
        yield from _alternatives(error, path)
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        yield from (Mismatch((*path, key), f"`{key}` is missing") for key in missing)
    elif error.validator in ("additionalProperties", "unevaluatedProperties") and error.validator_value is False:
        yield from _unknown_keys(error, path)
    else:
        ordinal = error.instance.ordinal if isinstance(error.instance, Placeholder) else None
        yield Mismatch(path, _sentence(error), ordinal=ordinal)


def _alternatives(error: Any, path: Path) -> Iterator[Mismatch]:
    """Of the alternatives the one that was probably meant: the kind is right, and the fewest things are wrong."""
    branches: dict[Any, list[Any]] = {}
    for each in error.context or ():
        branches.setdefault(each.relative_schema_path[0], []).append(each)
    right_kind = [branch for branch in branches.values() if not any(_is_wrong_kind(each) for each in branch)]
    if not right_kind:
        wanted = frozenset().union(*(_wanted(each) for branch in branches.values() for each in branch))
        ordinal = error.instance.ordinal if isinstance(error.instance, Placeholder) else None
        yield Mismatch(path, _wrong_kind(wanted, error.instance), ordinal=ordinal)
    elif len(right_kind) > 1 and all(each.validator == "required" for branch in right_kind for each in branch):
        keys = [f"`{key}`" for branch in right_kind for each in branch for key in each.validator_value]
        yield Mismatch(path, f"expected {one_of(dict.fromkeys(keys))}")
    else:
        for each in min(right_kind, key=len):
            yield from _described(each, path)


def _is_wrong_kind(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


def _wanted(error: ValidationError) -> frozenset[str]:
    return (kinds({"type": error.validator_value}) or frozenset()) if error.validator == "type" else frozenset()


def _unknown_keys(error: Any, path: Path) -> Iterator[Mismatch]:
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    for key in error.instance:
        if is_other_key(key, error.schema):
            hint = did_you_mean(key, known) or (f"; there are {one_of(known)}" if known else "")
            yield Mismatch((*path, key), f"unknown key `{key[:100]}`{hint}", is_key=True, unknown_key=key)


def _sentence(error: Any) -> str:
    if error.validator == "type":
        return _wrong_kind(_wanted(error), error.instance)
    if error.validator in ("enum", "const"):
        return _not_among(error)
    if error.validator == "oneOf":
        return _only_one(error.validator_value)
    if error.validator == "format" and error.validator_value == "regex":
        return f"not a regular expression: {error.cause}"
    if error.validator == "format" and error.validator_value in _SPOKEN_FORMATS:
        return str(error.cause)
    if error.validator == "not" and isinstance(error.validator_value, Mapping) and "required" in error.validator_value:
        return _only_one([error.validator_value])
    if error.validator in ("pattern", "patternProperties") and error.cause:
        what = "it" if error.validator == "pattern" else "this key"
        return f"whether {what} matches `{error.validator_value}` cannot be checked: {error.cause}"
    if error.validator in _BOUNDS:
        bound = format_value(error.validator_value) if error.validator != "pattern" else f"`{error.validator_value}`"
        return f"expected {_BOUNDS[error.validator].format(bound)}, got {format_value(error.instance)}"
    return str(error.message)[:300]


def _wrong_kind(wanted: frozenset[str], instance: Any) -> str:
    if isinstance(instance, Placeholder):
        given = kinds_phrase(kinds(instance.type) or ())
        return f"expected {kinds_phrase(wanted)}, but {instance.text[:100]} is {given}"
    return wrong_kind(wanted, instance)


def _not_among(error: Any) -> str:
    choices = error.validator_value if error.validator == "enum" else [error.validator_value]
    if isinstance(error.instance, Placeholder):
        return _wrong_kind(kinds({"enum": choices}) or frozenset(), error.instance)
    names = [choice for choice in choices if isinstance(choice, str)]
    hint = did_you_mean(error.instance, names) if isinstance(error.instance, str) else ""
    return f"expected {one_of(choices)}, got {format_value(error.instance)}{hint}"


def _only_one(alternatives: Any) -> str:
    keys = [f"`{key}`" for each in alternatives if isinstance(each, Mapping) for key in each.get("required", ())]
    return f"expected only one of {', '.join(dict.fromkeys(keys))}" if keys else "more than one alternative matches"
