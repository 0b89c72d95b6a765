"""JSON that came from outside, read by RFC 8259: no NaN, no Infinity, nothing that would exhaust the stack."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from pulser.language.limits import PLAN_LEVELS

SURROGATE = re.compile(r"[\ud800-\udfff]")
SHOWN_CHARS = 20


class NestedTooDeep(ValueError):
    """It is nested deeper than it may be."""


class NotStorable(ValueError):
    """A text in it is none that PostgreSQL takes."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises ValueError: JSONDecodeError where it is no JSON, UnicodeDecodeError where bytes are no text, NestedTooDeep
    beyond what the reader can follow, else with what cannot be kept.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite_number)
    except RecursionError:
        raise NestedTooDeep("nested too deeply") from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:SHOWN_CHARS]} is out of range")
    return number


def parse_storable(text: str) -> Any:
    """The value of a JSON text that goes into the database as it is.

    Raises ValueError as `parse_json` does, NestedTooDeep below PLAN_LEVELS levels, and NotStorable.
    """
    value = parse_json(text)
    for item, level in _items_of(value):
        if level > PLAN_LEVELS:
            raise NestedTooDeep(f"nested deeper than {PLAN_LEVELS} levels")
        if isinstance(item, str):
            _check_text(item)
    return value


def _items_of(value: Any) -> Iterator[tuple[Any, int]]:
    """Everything in it, keys too, with its level; without recursion, which a hostile text could exhaust."""
    edge = [(value, 1)]
    while edge:
        item, level = edge.pop()
        yield item, level
        if isinstance(item, dict):
            edge.extend((part, level + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            edge.extend((part, level + 1) for part in item)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise NotStorable("the character U+0000 cannot be stored")
    if not text.isascii() and SURROGATE.search(text):
        raise NotStorable("an unpaired surrogate is not a valid character")
