"""The wire format of forms: which texts a browser sends for which values, written and read.

A form is a flat mapping from names to texts. A name is the way to its control, in steps that dots divide:

    p              the params as a whole
    p.limits.cpu   a property; in its name all but letters, digits, `_` and `-` is percent-encoded (`a.b` is `a%2Eb`)
    p.tags.2       an item of a list: the number of its row, which it keeps when rows go or change places
    p.env.+.0.k    a further key of an object, by the number of its row; its value is `p.env.+.0.v`
    p.to.~         what a chosen alternative holds (`p.to.~.host`)

The text of a control is the value itself for a text, and JSON for a number, a flag (`true`), and the values of an enum
(`"1"` is the text, `1` the number); of an enum whose values are ticked, one text for each. A text that is missing or
empty is no value, but in a list or a row, where the empty text is one. Before a name there may stand:

    how:NAME   how the control is written: `json`, then its text is the JSON of the whole value; else the number of the
               alternative that is chosen, from 0
    has:NAME   `1`: an optional object, list or constant is there
    was:NAME   what the page was drawn with: `1` for an object or a list that was open, the number of an alternative.
               What is there now and was not then has just been asked for, and begins with its defaults
    i:NAME     one text for each row of a list or of further keys: their numbers, in the order of the rows

What a control cannot say exactly (a text with control characters, a long list, a key without a name) is written as
JSON, indented by two; so a form that nobody touches sends back the values that it was filled with.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from controlroom.web.forms.fields import Choice, Field
from controlroom.web.forms.parts import MISSING, Kind, Part, is_kind, labels_of, token
from pulser.language.json_values import parse_storable
from pulser.language.schema_validation import mismatches

Texts = dict[str, list[str]]

HOW, HAS, WAS, ROWS = "how:", "has:", "was:", "i:"  # before the name of a control
AS_JSON = "json"
ITEMS_DRAWN = 60  # longer lists are written as JSON
BLANK_ITEMS = 10
UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a browser would change it, or nobody could see it


def spelled(part: Part, value: Any) -> Texts:
    """The texts that mean exactly this value."""
    if value is MISSING:
        return {}
    texts = _WRITERS[part.kind](part, value)
    return as_json(part, value) if texts is None else texts


def blank(part: Part) -> Texts:
    """The texts of a part that nobody has filled in: its default, else as little as it may have."""
    if part.default is not MISSING:
        return spelled(part, part.default)
    return blank_inside(part) if part.is_needed else {}


def blank_inside(part: Part) -> Texts:
    """The same for what there is to fill in once it is there."""
    if part.kind is Kind.OBJECT:
        return {WAS + part.name: ["1"]} | _joined_texts(blank(inner) for inner in part.properties())
    if part.kind is Kind.LIST:
        count = min(int(part.schema.get("minItems", 0)), BLANK_ITEMS)
        rows = {ROWS + part.name: [str(number) for number in range(count)], WAS + part.name: ["1"]}
        return rows | _joined_texts(blank(part.item(number)) for number in range(count))
    if part.kind is Kind.ALTERNATIVES:
        return alternative_chosen(part, 0)
    return {}


def alternative_chosen(part: Part, number: int) -> Texts:
    return {HOW + part.name: [str(number)], WAS + part.name: [str(number)]} | blank(part.alternative(number))


def as_json(part: Part, value: Any) -> Texts:
    return {HOW + part.name: [AS_JSON], part.name: [json_text(value)]}


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) and value else None)


def _joined_texts(texts: Any) -> Texts:
    return {name: values for each in texts for name, values in each.items()}


# One for each kind of control; None when it cannot say the value.


def _write_text(part: Part, value: Any) -> Texts | None:
    is_sayable = isinstance(value, str) and (value or part.is_item) and not UNTYPABLE.search(value)
    return {part.name: [value]} if is_sayable else None


def _write_number(part: Part, value: Any) -> Texts | None:
    is_number = is_kind(value, "integer") or (is_kind(value, "number") and math.isfinite(value))
    return {part.name: [json.dumps(value)]} if is_number else None


def _write_flag(part: Part, value: Any) -> Texts | None:
    if not isinstance(value, bool):
        return None
    if part.is_needed:
        return {part.name: ["true"]} if value else {}
    return {part.name: [json.dumps(value)]}


def _write_choice(part: Part, value: Any) -> Texts | None:
    chosen = token(value)
    return {part.name: [chosen]} if chosen in map(token, part.schema["enum"]) else None


def _write_checks(part: Part, value: Any) -> Texts | None:
    if not isinstance(value, list):
        return None
    ticked = [token(each) for each in value]
    in_order = [each for each in dict.fromkeys(map(token, part.item(0).schema["enum"])) if each in ticked]
    if ticked != in_order or not (value or part.is_needed):
        return None
    return {part.name: ticked}


def _write_fixed(part: Part, value: Any) -> Texts | None:
    if token(value) != token(part.schema.get("const")):
        return None
    return {} if part.is_needed else {HAS + part.name: ["1"]}


def _write_object(part: Part, value: Any) -> Texts | None:
    known = part.properties()
    if not isinstance(value, Mapping):
        return None
    others = [key for key in value if key not in {inner.path[-1] for inner in known}]
    if any(not key or UNTYPABLE.search(key) or "\n" in key or "\t" in key for key in others):
        return None
    if len(others) > ITEMS_DRAWN:
        return None
    texts = _write_presence(part)
    for inner in known:
        key = inner.path[-1]
        texts |= spelled(inner, value[key]) if key in value else blank(inner) if inner.is_needed else {}
    texts |= {ROWS + part.name: [str(number) for number in range(len(others))]} if others else {}
    for number, key in enumerate(others):
        texts |= {f"{part.name}.+.{number}.k": [key]} | spelled(part.row(str(number), key=key), value[key])
    return texts


def _write_list(part: Part, value: Any) -> Texts | None:
    if not isinstance(value, list) or len(value) > ITEMS_DRAWN:
        return None
    rows = {ROWS + part.name: [str(number) for number in range(len(value))]} if value else {}
    return _write_presence(part) | rows | _joined_texts(spelled(part.item(n), each) for n, each in enumerate(value))


def _write_presence(part: Part) -> Texts:
    return {WAS + part.name: ["1"]} | ({} if part.is_needed else {HAS + part.name: ["1"]})


def _write_alternatives(part: Part, value: Any) -> Texts | None:
    for number, schema in enumerate(part.alternatives()):
        if not mismatches(value, schema, root=part.root):
            chosen = {HOW + part.name: [str(number)], WAS + part.name: [str(number)]}
            return chosen | spelled(part.alternative(number), value)
    return None


def _write_json(part: Part, value: Any) -> Texts | None:
    return {part.name: [json_text(value)]}


_WRITERS: Mapping[Kind, Callable[[Part, Any], Texts | None]] = {
    Kind.TEXT: _write_text,
    Kind.NUMBER: _write_number,
    Kind.FLAG: _write_flag,
    Kind.CHOICE: _write_choice,
    Kind.CHECKS: _write_checks,
    Kind.FIXED: _write_fixed,
    Kind.OBJECT: _write_object,
    Kind.LIST: _write_list,
    Kind.ALTERNATIVES: _write_alternatives,
    Kind.JSON: _write_json,
}


def drawn(part: Part, texts: Texts) -> Field:
    """The field of a part, read from these texts."""
    if part.kind is Kind.JSON or _last_text(texts, HOW + part.name) == AS_JSON:
        return _read_json(part, texts)
    return _READERS[part.kind](part, texts)


def _last_text(texts: Texts, name: str) -> str:
    return (texts.get(name) or [""])[-1]


def _typed_text(texts: Texts, name: str) -> str:
    """What was typed; browsers end the lines of a text with two characters."""
    return _last_text(texts, name).replace("\r\n", "\n").replace("\0", "")


def _read_json(part: Part, texts: Texts) -> Field:
    text = _typed_text(texts, part.name)
    field = Field(part, Kind.JSON, text=text)
    if not text.strip():
        return replace(field, error="expected JSON") if part.is_item else field
    try:
        return replace(field, value=parse_storable(text))
    except json.JSONDecodeError as error:
        return replace(field, error=f"expected JSON: {error.msg.lower()}, line {error.lineno}, column {error.colno}")
    except ValueError as error:
        return replace(field, error=f"expected JSON: {error}")


def _read_text(part: Part, texts: Texts) -> Field:
    text = _typed_text(texts, part.name)
    return Field(part, Kind.TEXT, text=text, value=text if text or part.is_item else MISSING)


def _read_number(part: Part, texts: Texts) -> Field:
    text = _typed_text(texts, part.name).strip()
    field, is_whole = Field(part, Kind.NUMBER, text=text), part.schema.get("type") == "integer"
    expected = "expected a whole number" if is_whole else "expected a number"
    if not text:
        return replace(field, error=expected) if part.is_item else field
    try:
        value = parse_storable(text)
    except ValueError:
        value = None
    fits = is_kind(value, "integer") or (is_kind(value, "number") and (value.is_integer() or not is_whole))
    return replace(field, value=value) if fits else replace(field, error=f"{expected}, got {text[:60]}")


def _read_flag(part: Part, texts: Texts) -> Field:
    text = _last_text(texts, part.name)
    value: Any = text == "true" if part.is_needed or text in ("true", "false") else MISSING
    return Field(part, Kind.FLAG, text=text, value=value)


def _read_choice(part: Part, texts: Texts) -> Field:
    chosen = _last_text(texts, part.name)
    values = {token(value): value for value in part.schema["enum"]}
    error = "choose one" if part.is_item and chosen not in values else ""
    return Field(
        part,
        Kind.CHOICE,
        text=chosen,
        value=values.get(chosen, MISSING),
        choices=tuple(Choice(text, spoken(value), text == chosen) for text, value in values.items()),
        error=error or ("not one of the choices" if chosen and chosen not in values else ""),
    )


def spoken(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _read_checks(part: Part, texts: Texts) -> Field:
    ticked = set(texts.get(part.name, ()))
    values = {token(value): value for value in part.item(0).schema["enum"]}
    found = [value for text, value in values.items() if text in ticked]
    boxes = tuple(Choice(text, spoken(value), text in ticked) for text, value in values.items())
    return Field(part, Kind.CHECKS, value=found if found or part.is_needed else MISSING, choices=boxes)


def _read_fixed(part: Part, texts: Texts) -> Field:
    is_set = part.is_needed or HAS + part.name in texts
    value = part.schema.get("const")
    return Field(part, Kind.FIXED, text=spoken(value), value=value if is_set else MISSING, is_set=is_set)


def _opened_texts(part: Part, texts: Texts) -> Texts | None:
    """The texts of what may be left out: None when it is, and those of a blank one when it was just asked for."""
    if not part.is_needed and HAS + part.name not in texts:
        return None
    return texts if WAS + part.name in texts or part.is_needed else texts | blank_inside(part)


def _read_object(part: Part, texts: Texts) -> Field:
    inside = _opened_texts(part, texts)
    if inside is None:
        return Field(part, Kind.OBJECT, is_set=False)
    members = [drawn(inner, inside) for inner in part.properties()]
    value = {member.part.path[-1]: member.value for member in members if member.value is not MISSING}
    for number in dict.fromkeys(inside.get(ROWS + part.name, ())):
        row = _read_row(part, inside, number=number, taken=value)
        members.append(row)
        value |= {str(row.key): row.value} if row.value is not MISSING else {}
    return Field(part, Kind.OBJECT, members=tuple(members), value=value)


def _read_row(part: Part, texts: Texts, *, number: str, taken: Mapping[Any, Any]) -> Field:
    key = _typed_text(texts, f"{part.name}.+.{number}.k")
    field = replace(drawn(part.row(number, key=key), texts), row=number, key=key)
    if not key:
        return replace(field, error="enter a key, or remove the row", value=MISSING)
    return replace(field, error=f"{key} already exists", value=MISSING) if key in taken else field


def _read_list(part: Part, texts: Texts) -> Field:
    inside = _opened_texts(part, texts)
    if inside is None:
        return Field(part, Kind.LIST, is_set=False)
    numbers = dict.fromkeys(inside.get(ROWS + part.name, ()))
    items = tuple(replace(drawn(part.item(n, key=key), inside), row=key) for n, key in enumerate(numbers))
    value = [item.value for item in items if item.value is not MISSING]
    return Field(part, Kind.LIST, members=items, value=value)


def _read_alternatives(part: Part, texts: Texts) -> Field:
    labels = list(labels_of(part.alternatives()))
    how, was = _last_text(texts, HOW + part.name), _last_text(texts, WAS + part.name)
    if how not in map(str, range(len(labels))):
        how = "0" if part.is_needed and not how else ""
    choices = tuple(Choice(str(number), label, str(number) == how) for number, label in enumerate(labels))
    if not how:
        return Field(part, Kind.ALTERNATIVES, choices=choices)
    inside = texts if how == was else texts | alternative_chosen(part, int(how))
    member = drawn(part.alternative(int(how)), inside)
    return Field(part, Kind.ALTERNATIVES, text=how, choices=choices, members=(member,), value=member.value)


_READERS: Mapping[Kind, Callable[[Part, Texts], Field]] = {
    Kind.TEXT: _read_text,
    Kind.NUMBER: _read_number,
    Kind.FLAG: _read_flag,
    Kind.CHOICE: _read_choice,
    Kind.CHECKS: _read_checks,
    Kind.FIXED: _read_fixed,
    Kind.OBJECT: _read_object,
    Kind.LIST: _read_list,
    Kind.ALTERNATIVES: _read_alternatives,
}
