"""Fields: a part of the schema, what stands in its control, the value that this means, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from controlroom.web.forms.parts import MISSING, Kind, Part, is_kind, labels_of, token
from controlroom.web.forms.spelling import AS_JSON, HAS, HOW, ROWS, WAS, Texts, alternative_chosen, blank_inside
from controlroom.web.forms.words import bounds_of
from pulser.language.limits import PLAN_LEVELS

RADIOS = 4  # choices that are all shown
HALF = re.compile(r"[\ud800-\udfff]")
AREA_CHARS = 200  # a text that may be longer gets several lines


@dataclass(frozen=True, slots=True)
class Choice:
    text: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """What is shown for a part.

    Beside the control `name` there are, as needed: `how:name` (which alternative, or "json"), `has:name` (an optional
    object or list is there), `was:name` (what of these the form was drawn with), `i:name` (the rows, in their order).
    """

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


def drawn(part: Part, texts: Texts) -> Field:
    """The field of a part, as these texts fill it in."""
    if part.kind is Kind.JSON or _one(texts, HOW + part.name) == AS_JSON:
        return _json(part, texts)
    return _DRAWN[part.kind](part, texts)


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises ValueError, also for NaN, for numbers beyond all bounds, for halves of characters, which no page can hold,
    and for what is nested so deep that checking it would exhaust the stack.
    """
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    for item, level in _walked(value):
        if level > PLAN_LEVELS:
            raise ValueError(f"it is nested deeper than {PLAN_LEVELS} levels")
        if isinstance(item, str) and HALF.search(item):
            raise ValueError("half of a surrogate pair is no character")
    return value


def _walked(value: Any) -> Iterator[tuple[Any, int]]:
    """Everything in it, keys too, with its level; without recursion."""
    edge = [(value, 1)]
    while edge:
        item, level = edge.pop()
        yield item, level
        if isinstance(item, dict):
            edge.extend((part, level + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            edge.extend((part, level + 1) for part in item)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large")
    return number


def _one(texts: Texts, name: str) -> str:
    return (texts.get(name) or [""])[-1]


def _typed(texts: Texts, name: str) -> str:
    """What was typed; browsers end the lines of a text with two characters."""
    return _one(texts, name).replace("\r\n", "\n").replace("\0", "")


def _json(part: Part, texts: Texts) -> Field:
    text = _typed(texts, part.name)
    field = Field(part, Kind.JSON, text=text)
    if not text.strip():
        return replace(field, error="expected JSON") if part.is_item else field
    try:
        return replace(field, value=parse_json(text))
    except json.JSONDecodeError as error:
        return replace(field, error=f"expected JSON: {error.msg.lower()}, line {error.lineno}, column {error.colno}")
    except ValueError as error:
        return replace(field, error=f"expected JSON: {error}")


def _text(part: Part, texts: Texts) -> Field:
    text = _typed(texts, part.name)
    return Field(part, Kind.TEXT, text=text, value=text if text or part.is_item else MISSING)


def _number(part: Part, texts: Texts) -> Field:
    text = _typed(texts, part.name).strip()
    field, is_whole = Field(part, Kind.NUMBER, text=text), part.schema.get("type") == "integer"
    expected = "expected a whole number" if is_whole else "expected a number"
    if not text:
        return replace(field, error=expected) if part.is_item else field
    try:
        value = parse_json(text)
    except ValueError:
        value = None
    fits = is_kind(value, "integer") or (is_kind(value, "number") and (value.is_integer() or not is_whole))
    return replace(field, value=value) if fits else replace(field, error=f"{expected}, got {text[:60]}")


def _flag(part: Part, texts: Texts) -> Field:
    text = _one(texts, part.name)
    value: Any = text == "true" if part.is_needed or text in ("true", "false") else MISSING
    return Field(part, Kind.FLAG, text=text, value=value)


def _choice(part: Part, texts: Texts) -> Field:
    chosen = _one(texts, part.name)
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


def _checks(part: Part, texts: Texts) -> Field:
    ticked = set(texts.get(part.name, ()))
    values = {token(value): value for value in part.item(0).schema["enum"]}
    found = [value for text, value in values.items() if text in ticked]
    boxes = tuple(Choice(text, spoken(value), text in ticked) for text, value in values.items())
    return Field(part, Kind.CHECKS, value=found if found or part.is_needed else MISSING, choices=boxes)


def _fixed(part: Part, texts: Texts) -> Field:
    is_set = part.is_needed or HAS + part.name in texts
    value = part.schema.get("const")
    return Field(part, Kind.FIXED, text=spoken(value), value=value if is_set else MISSING, is_set=is_set)


def _opened(part: Part, texts: Texts) -> Texts | None:
    """The texts of what may be left out: None when it is, and those of a blank one when it was just asked for."""
    if not part.is_needed and HAS + part.name not in texts:
        return None
    return texts if WAS + part.name in texts or part.is_needed else texts | blank_inside(part)


def _object(part: Part, texts: Texts) -> Field:
    inside = _opened(part, texts)
    if inside is None:
        return Field(part, Kind.OBJECT, is_set=False)
    members = [drawn(inner, inside) for inner in part.properties()]
    value = {member.part.path[-1]: member.value for member in members if member.value is not MISSING}
    for number in dict.fromkeys(inside.get(ROWS + part.name, ())):
        row = _row(part, inside, number=number, taken=value)
        members.append(row)
        value |= {str(row.key): row.value} if row.value is not MISSING else {}
    return Field(part, Kind.OBJECT, members=tuple(members), value=value)


def _row(part: Part, texts: Texts, *, number: str, taken: Mapping[Any, Any]) -> Field:
    key = _typed(texts, f"{part.name}.+.{number}.k")
    field = replace(drawn(part.row(number, key=key), texts), row=number, key=key)
    if not key:
        return replace(field, error="say a key, or remove the row", value=MISSING)
    return replace(field, error=f"there is a {key} already", value=MISSING) if key in taken else field


def _list(part: Part, texts: Texts) -> Field:
    inside = _opened(part, texts)
    if inside is None:
        return Field(part, Kind.LIST, is_set=False)
    numbers = dict.fromkeys(inside.get(ROWS + part.name, ()))
    items = tuple(replace(drawn(part.item(n, key=key), inside), row=key) for n, key in enumerate(numbers))
    value = [item.value for item in items if item.value is not MISSING]
    return Field(part, Kind.LIST, members=items, value=value)


def _alternatives(part: Part, texts: Texts) -> Field:
    labels = list(labels_of(part.alternatives()))
    how, was = _one(texts, HOW + part.name), _one(texts, WAS + part.name)
    if how not in map(str, range(len(labels))):
        how = "0" if part.is_needed and not how else ""
    choices = tuple(Choice(str(number), label, str(number) == how) for number, label in enumerate(labels))
    if not how:
        return Field(part, Kind.ALTERNATIVES, choices=choices)
    inside = texts if how == was else texts | alternative_chosen(part, int(how))
    member = drawn(part.alternative(int(how)), inside)
    return Field(part, Kind.ALTERNATIVES, text=how, choices=choices, members=(member,), value=member.value)


_DRAWN: Mapping[Kind, Callable[[Part, Texts], Field]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.CHECKS: _checks,
    Kind.FIXED: _fixed,
    Kind.OBJECT: _object,
    Kind.LIST: _list,
    Kind.ALTERNATIVES: _alternatives,
}
