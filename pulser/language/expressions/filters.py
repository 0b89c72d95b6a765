"""The filters of the language: what each takes, gives and does. A filter not in this table does not exist."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pulser.language.expressions.errors import ExpressionError
from pulser.language.expressions.values import MissingField, as_json, as_text, check_length, number
from pulser.language.names import format_value, kind_of, kind_phrase, kinds_phrase

TEXT = frozenset({"string"})
NUMBERS = frozenset({"integer", "number"})
SIZED = frozenset({"string", "array", "object"})
ANYTHING = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})

_NUMERAL_CHARS = 40
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Filter:
    """`takes` are the kinds of its input; `gives` that of its result, None where it depends on the input.

    `least` and `most` bound the number of arguments; `arguments` are their kinds, in order.
    """

    call: Callable[..., Any]
    takes: frozenset[str]
    gives: str | None
    least: int = 0
    most: int = 0
    arguments: tuple[frozenset[str], ...] = ()


def apply(name: str, value: Any, *, arguments: list[Any]) -> Any:
    """The filter's result. Raises ExpressionError for an input or argument of the wrong kind."""
    known = FILTERS[name]
    _check(name, value, kinds=known.takes)
    for position, (argument, kinds) in enumerate(zip(arguments, known.arguments, strict=False), start=1):
        _check(name, argument, kinds=kinds, what=f"argument {position} of ")
    return known.call(value, *arguments)


def _check(name: str, value: Any, *, kinds: frozenset[str], what: str = "") -> None:
    if kinds is not ANYTHING and kind_of(value) not in kinds:
        raise ExpressionError(f"{what}filter `{name}` expects {kinds_phrase(kinds)}, got {format_value(value)}")


def _default(value: Any, fallback: Any) -> Any:
    return fallback if value is None or isinstance(value, MissingField) else value


def _join(items: list[Any], separator: str = "") -> str:
    texts = [as_text(item) for item in items]
    check_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _first(items: Any) -> Any:
    return items[0] if items else MissingField("`first` of nothing; add `| default(...)`")


def _last(items: Any) -> Any:
    return items[-1] if items else MissingField("`last` of nothing; add `| default(...)`")


def _int(value: Any) -> int:
    return int(number(_converted("int", value, to=int)))


def _float(value: Any) -> float:
    return float(number(_converted("float", value, to=float)))


def _converted(name: str, value: Any, *, to: Callable[[Any], int | float]) -> int | float:
    try:
        return to(value[:_NUMERAL_CHARS] if isinstance(value, str) else value)
    except (ValueError, OverflowError) as error:
        wanted = kind_phrase("integer" if name == "int" else "number")
        raise ExpressionError(
            f"filter `{name}` expects {wanted} or a string that is one, got {format_value(value)}"
        ) from error


def _round(value: float, digits: int = 0) -> int | float:
    if not 0 <= digits <= _DIGITS:
        raise ExpressionError(f"filter `round` keeps 0 to {_DIGITS} digits, got {digits}")
    return number(round(value, digits) if digits else round(value))


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        raise ExpressionError("filter `replace` expects a string to look for, got an empty one")
    check_length(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _split(text: str, separator: str | None = None) -> list[str]:
    if separator == "":
        raise ExpressionError("filter `split` expects a separator, got an empty string")
    # An item costs its quotes and comma as JSON, and far more in memory.
    check_length(len(text) + 3 * (text.count(separator) if separator else len(text) // 2))
    return text.split(separator)


def _keys(value: dict[str, Any]) -> list[str]:
    return list(value)


_NUMERIC = NUMBERS | TEXT | {"boolean"}

FILTERS: dict[str, Filter] = {
    "sh": Filter(lambda value: shlex.quote(as_text(value)), ANYTHING, "string"),
    "json": Filter(as_json, ANYTHING, "string"),
    "string": Filter(as_text, ANYTHING, "string"),
    "default": Filter(_default, ANYTHING, None, least=1, most=1, arguments=(ANYTHING,)),
    "length": Filter(len, SIZED, "integer"),
    "lower": Filter(str.lower, TEXT, "string"),
    "upper": Filter(str.upper, TEXT, "string"),
    "trim": Filter(str.strip, TEXT, "string"),
    "join": Filter(_join, frozenset({"array"}), "string", most=1, arguments=(TEXT,)),
    "first": Filter(_first, frozenset({"array", "string"}), None),
    "last": Filter(_last, frozenset({"array", "string"}), None),
    "int": Filter(_int, _NUMERIC, "integer"),
    "float": Filter(_float, _NUMERIC, "number"),
    "keys": Filter(_keys, frozenset({"object"}), "array"),
    "round": Filter(_round, NUMBERS, None, most=1, arguments=(frozenset({"integer"}),)),
    "replace": Filter(_replace, TEXT, "string", least=2, most=2, arguments=(TEXT, TEXT)),
    "split": Filter(_split, TEXT, "array", most=1, arguments=(TEXT,)),
}
