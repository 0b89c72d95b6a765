"""The values of expressions: JSON's kinds, each with a bound that is looked at before a large one is built."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from pulser.language.expressions.errors import ExpressionError
from pulser.language.limits import INTEGER_MAX, VALUE_BYTES

_NESTING_BYTES = 2  # a pair of quotes or brackets; a comma or colon is counted with each part


@dataclass(frozen=True, slots=True)
class MissingField:
    """A field that is not there: an error wherever it is used, except before `| default(...)`."""

    reason: str


def present(value: Any) -> Any:
    """The value itself. Raises ExpressionError when it is missing."""
    if isinstance(value, MissingField):
        raise ExpressionError(value.reason)
    return value


def as_text(value: Any) -> str:
    """How a value reads inside a longer text: null as nothing, true and false as such, lists and objects as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return as_json(value)


def as_json(value: Any) -> str:
    """Raises ExpressionError for what is too large."""
    check_size(value)
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError("the value cannot be written as JSON") from error


def check_size(value: Any) -> int:
    """About how many bytes the value takes as JSON. Raises ExpressionError past the bound, without walking further."""
    size, stack = 0, [value]
    while stack:
        part = stack.pop()
        size += 1 + _own_size(part)
        if size > VALUE_BYTES:
            raise too_large()
        if isinstance(part, dict):
            stack.extend(part.keys())
            stack.extend(part.values())
        elif isinstance(part, list | tuple):
            stack.extend(part)
    return size


def _own_size(part: Any) -> int:
    if isinstance(part, str):
        return _NESTING_BYTES + (len(part) if part.isascii() else len(part.encode(errors="replace")))
    if isinstance(part, dict | list | tuple):
        return _NESTING_BYTES + len(part)
    return 8


def check_length(length: int) -> None:
    """Refuses a text or list of so many characters or items, before it is built."""
    if length > VALUE_BYTES:
        raise too_large()


def too_large() -> ExpressionError:
    return ExpressionError(f"the value is larger than {VALUE_BYTES:,} bytes; leave large results as artifacts")


def number(value: int | float) -> int | float:
    """The number, if it has at most 64 bits and is finite."""
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        raise ExpressionError("the result has more than 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the result is not a finite number")
    return value
