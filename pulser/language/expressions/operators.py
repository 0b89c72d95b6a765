"""Arithmetic and comparison over JSON values. `RESULTS`: which kinds fit an operator; the type checker reads it too."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from pulser.language.expressions.errors import ExpressionError
from pulser.language.expressions.values import check_length, number
from pulser.language.names import format_value, kind_of

_NUMERIC = {
    ("integer", "integer"): "integer",
    ("integer", "number"): "number",
    ("number", "integer"): "number",
    ("number", "number"): "number",
}
_REPEATED = {
    ("string", "integer"): "string",
    ("integer", "string"): "string",
    ("array", "integer"): "array",
    ("integer", "array"): "array",
}

RESULTS: dict[str, dict[tuple[str, str], str]] = {
    "+": _NUMERIC | {("string", "string"): "string", ("array", "array"): "array"},
    "-": _NUMERIC,
    "*": _NUMERIC | _REPEATED,
    "/": dict.fromkeys(_NUMERIC, "number"),
    "//": _NUMERIC,
    "%": _NUMERIC,
}
ORDERED = {*_NUMERIC, ("string", "string")}
CONTAINED_IN = frozenset({"string", "array", "object"})

_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}
SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}


def calculate(sign: str, *, left: Any, right: Any) -> Any:
    """`left sign right`. Raises ExpressionError when the kinds do not fit or the result would be too large."""
    kinds = (kind_of(left), kind_of(right))
    result = RESULTS[sign].get(kinds)
    if result is None:
        raise ExpressionError(f"`{sign}` does not take {format_value(left)} and {format_value(right)}")
    if result in ("string", "array"):
        check_length(_length(sign, left, right))
        return _PYTHON[sign](left, right)
    try:
        return number(_PYTHON[sign](left, right))
    except ZeroDivisionError as error:
        raise ExpressionError(f"`{sign}` by zero") from error
    except OverflowError as error:
        raise ExpressionError("the result is too large") from error


def _length(sign: str, left: Any, right: Any) -> int:
    if sign == "+":
        return len(left) + len(right)
    sequence, count = (right, left) if isinstance(left, int) else (left, right)
    return len(sequence) * max(count, 0)


def compare(name: str, *, left: Any, right: Any) -> bool:
    """`left name right`, by Jinja's names (`eq`, `lteq`, `notin`, ...). Raises ExpressionError."""
    if name in ("eq", "ne"):
        return _equal(left, right) == (name == "eq")
    if name in ("in", "notin"):
        return _contains(left, right) == (name == "in")
    if (kind_of(left), kind_of(right)) not in ORDERED:
        raise ExpressionError(f"`{SIGNS[name]}` does not order {format_value(left)} and {format_value(right)}")
    return _ORDER[name](left, right)


def _equal(left: Any, right: Any) -> bool:
    # In Python true is 1; in JSON it is not.
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, str):
        if not isinstance(item, str):
            raise ExpressionError(f"`in` looks for a string in a string, got {format_value(item)}")
        return item in container
    if isinstance(container, dict):
        return isinstance(item, str) and item in container
    if isinstance(container, list):
        return any(_equal(item, each) for each in container)
    raise ExpressionError(f"`in` expects a list, an object or a string on its right, got {format_value(container)}")
