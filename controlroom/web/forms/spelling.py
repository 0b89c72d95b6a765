"""Values as the texts of controls. What a control cannot say exactly becomes JSON, so that no value changes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from controlroom.web.forms.parts import MISSING, Kind, Part, is_kind, token
from pulser.language.conformance import mismatches

Texts = dict[str, list[str]]

HOW, HAS, WAS, ROWS = "how:", "has:", "was:", "i:"  # before a control's name: see `Field`
AS_JSON = "json"
ITEMS_DRAWN = 60  # longer lists are written as JSON
BLANK_ITEMS = 10
UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a browser would change it, or nobody could see it


def spelled(part: Part, value: Any) -> Texts:
    """The texts that mean exactly this value."""
    if value is MISSING:
        return {}
    texts = _SPELLED[part.kind](part, value)
    return as_json(part, value) if texts is None else texts


def blank(part: Part) -> Texts:
    """The texts of a part that nobody has filled in: its default, else as little as it may have."""
    if part.default is not MISSING:
        return spelled(part, part.default)
    return blank_inside(part) if part.is_needed else {}


def blank_inside(part: Part) -> Texts:
    """The same for what there is to fill in once it is there."""
    if part.kind is Kind.OBJECT:
        return {WAS + part.name: ["1"]} | _together(blank(inner) for inner in part.properties())
    if part.kind is Kind.LIST:
        count = min(int(part.schema.get("minItems", 0)), BLANK_ITEMS)
        rows = {ROWS + part.name: [str(number) for number in range(count)], WAS + part.name: ["1"]}
        return rows | _together(blank(part.item(number)) for number in range(count))
    if part.kind is Kind.ALTERNATIVES:
        return alternative_chosen(part, 0)
    return {}


def alternative_chosen(part: Part, number: int) -> Texts:
    return {HOW + part.name: [str(number)], WAS + part.name: [str(number)]} | blank(part.alternative(number))


def as_json(part: Part, value: Any) -> Texts:
    return {HOW + part.name: [AS_JSON], part.name: [json_text(value)]}


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) and value else None)


def _together(texts: Any) -> Texts:
    return {name: values for each in texts for name, values in each.items()}


# One for each kind; None when its control cannot say the value.


def _text(part: Part, value: Any) -> Texts | None:
    is_sayable = isinstance(value, str) and (value or part.is_item) and not UNTYPABLE.search(value)
    return {part.name: [value]} if is_sayable else None


def _number(part: Part, value: Any) -> Texts | None:
    is_number = is_kind(value, "integer") or (is_kind(value, "number") and math.isfinite(value))
    return {part.name: [json.dumps(value)]} if is_number else None


def _flag(part: Part, value: Any) -> Texts | None:
    if not isinstance(value, bool):
        return None
    if part.is_needed:
        return {part.name: ["true"]} if value else {}
    return {part.name: [json.dumps(value)]}


def _choice(part: Part, value: Any) -> Texts | None:
    chosen = token(value)
    return {part.name: [chosen]} if chosen in map(token, part.schema["enum"]) else None


def _checks(part: Part, value: Any) -> Texts | None:
    if not isinstance(value, list):
        return None
    ticked = [token(each) for each in value]
    in_order = [each for each in dict.fromkeys(map(token, part.item(0).schema["enum"])) if each in ticked]
    if ticked != in_order or not (value or part.is_needed):
        return None
    return {part.name: ticked}


def _fixed(part: Part, value: Any) -> Texts | None:
    if token(value) != token(part.schema.get("const")):
        return None
    return {} if part.is_needed else {HAS + part.name: ["1"]}


def _object(part: Part, value: Any) -> Texts | None:
    known = part.properties()
    if not isinstance(value, Mapping):
        return None
    others = [key for key in value if key not in {inner.path[-1] for inner in known}]
    if any(not key or UNTYPABLE.search(key) or "\n" in key or "\t" in key for key in others):
        return None
    if len(others) > ITEMS_DRAWN:
        return None
    texts = _present(part)
    for inner in known:
        key = inner.path[-1]
        texts |= spelled(inner, value[key]) if key in value else blank(inner) if inner.is_needed else {}
    texts |= {ROWS + part.name: [str(number) for number in range(len(others))]} if others else {}
    for number, key in enumerate(others):
        texts |= {f"{part.name}.+.{number}.k": [key]} | spelled(part.row(str(number), key=key), value[key])
    return texts


def _list(part: Part, value: Any) -> Texts | None:
    if not isinstance(value, list) or len(value) > ITEMS_DRAWN:
        return None
    rows = {ROWS + part.name: [str(number) for number in range(len(value))]} if value else {}
    return _present(part) | rows | _together(spelled(part.item(n), each) for n, each in enumerate(value))


def _present(part: Part) -> Texts:
    return {WAS + part.name: ["1"]} | ({} if part.is_needed else {HAS + part.name: ["1"]})


def _alternatives(part: Part, value: Any) -> Texts | None:
    for number, schema in enumerate(part.alternatives()):
        if not mismatches(value, schema, root=part.root):
            chosen = {HOW + part.name: [str(number)], WAS + part.name: [str(number)]}
            return chosen | spelled(part.alternative(number), value)
    return None


def _json(part: Part, value: Any) -> Texts | None:
    return {part.name: [json_text(value)]}


_SPELLED: Mapping[Kind, Callable[[Part, Any], Texts | None]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.CHECKS: _checks,
    Kind.FIXED: _fixed,
    Kind.OBJECT: _object,
    Kind.LIST: _list,
    Kind.ALTERNATIVES: _alternatives,
    Kind.JSON: _json,
}
