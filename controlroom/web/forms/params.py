"""A form for the params of a plan: blank, filled, or as it was sent back, its buttons, and problems at its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from controlroom.web.forms.fields import Field
from controlroom.web.forms.parts import MISSING, ROOT_NAME, Kind, Part, Schema, root_part
from controlroom.web.forms.wire import (
    AS_JSON,
    HAS,
    HOW,
    ROWS,
    WAS,
    Texts,
    as_json,
    blank,
    drawn,
    json_text,
    spelled,
    spoken,
)
from pulser.language.numbers import whole_number
from pulser.language.params import check_params
from pulser.language.problems import path_text

CONTROLS_MAX = 400  # more than a page can show, or a server takes: the whole is written as JSON
ROWS_MAX = 200
ROW_NUMBER_MAX = 10**8 - 1
WAS_CHARS = 300  # of the value before, beside its field


class Posted(Protocol):
    """What a browser sent: Django's QueryDict."""

    def lists(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class ParamsForm:
    """The params as one field, what is wrong with them apart from single fields, and where the cursor goes."""

    schema: Schema
    root: Field
    problems: tuple[str, ...] = ()
    focus: str = ""

    @property
    def params(self) -> dict[str, Any]:
        """What the fields mean; those with an error are left out."""
        return dict(self.root.value) if isinstance(self.root.value, Mapping) else {}

    @property
    def is_sound(self) -> bool:
        return not self.problems and not self.wrong

    @property
    def wrong(self) -> list[Field]:
        """The fields with an error, in their order."""
        return [field for field in self.fields if field.error]

    @property
    def fields(self) -> Iterator[Field]:
        return self.root.parts_below

    @property
    def is_json(self) -> bool:
        return self.root.kind is Kind.JSON

    @property
    def can_be_drawn(self) -> bool:
        """Whether there is another way to write it than JSON."""
        return self.root.part.kind is not Kind.JSON

    @property
    def is_empty(self) -> bool:
        return not self.is_json and not self.root.members and not self.root.part.takes_other_keys


def blank_form(schema: Schema) -> ParamsForm:
    """With the schema's defaults in it."""
    return _form_of(schema, blank(root_part(schema)))


def filled_form(schema: Schema, params: Mapping[str, Any]) -> ParamsForm:
    """With these params in it, exactly; what they leave out has its default."""
    complete, _ = check_params(schema, params)
    return _form_of(schema, spelled(root_part(schema), complete))


def read_form(schema: Schema, posted: Posted, *, command: str = "") -> ParamsForm:
    """As it was sent back, and after the button that was pressed inside it."""
    texts: Texts = {name: list(values) for name, values in posted.lists() if _is_name_of_form(name)}
    root = root_part(schema)
    if command:
        texts, focus = _edited(root, texts, command=command)
        return replace(_form_of(schema, texts), focus=focus)
    form = _form_of(schema, texts)
    if not isinstance(form.root.value, Mapping) and not form.root.error:
        message = "expected an object: { ... }"
        return replace(form, root=replace(form.root, error=message))
    return form


def _is_name_of_form(name: str) -> bool:
    return name.rpartition(":")[2].partition(".")[0] == ROOT_NAME


def _form_of(schema: Schema, texts: Texts) -> ParamsForm:
    part = root_part(schema)
    field = drawn(part, texts)
    is_large = texts.get(HOW + ROOT_NAME) != [AS_JSON] and sum(1 for _ in field.parts_below) > CONTROLS_MAX
    if is_large and field.value is not MISSING:
        field = drawn(part, as_json(part, field.value))
    return ParamsForm(schema, field)


def _edited(root: Part, texts: Texts, *, command: str) -> tuple[Texts, str]:
    """The texts after a button, and the control that the cursor goes to. What no button says changes nothing."""
    word, _, name = command.partition(" ")
    if word in ("json", "form"):
        return _rewritten_texts(root, texts, as_form=word == "form"), ROOT_NAME
    if word == "add":
        return _with_row(root, texts, name)
    if word in _ROW_MOVES:
        return _with_row_moved(texts, name, move=_ROW_MOVES[word])
    return texts, name


def _with_row(root: Part, texts: Texts, name: str) -> tuple[Texts, str]:
    """One more row, of a list or, with `+` behind its name, of the further keys of an object."""
    owner = name.removesuffix(".+")
    field = next((each for each in drawn(root, texts).parts_below if each.name == owner), None)
    if field is None or field.kind not in (Kind.LIST, Kind.OBJECT):
        return texts, name
    rows = texts.get(ROWS + owner, []) if field.is_set else []
    if len(rows) >= ROWS_MAX:
        return texts, name
    taken = (whole_number(row, at_most=ROW_NUMBER_MAX) for row in rows)
    number = str(max((row for row in taken if row is not None), default=-1) + 1)
    is_list = field.kind is Kind.LIST
    part = field.part.item(len(rows), key=number) if is_list else field.part.row(number, key="")
    opened = texts if field.is_set else _without_rows(texts, owner) | {HAS + owner: ["1"]}
    added = opened | {WAS + owner: ["1"], ROWS + owner: [*rows, number]} | blank(part)
    return added, part.name if is_list else part.name.removesuffix(".v") + ".k"


def _without_rows(texts: Texts, owner: str) -> Texts:
    return {name: values for name, values in texts.items() if name != ROWS + owner}


def _with_row_moved(texts: Texts, name: str, *, move: Callable[[list[str], int], list[str]]) -> tuple[Texts, str]:
    """A row by the name of its control goes, or changes places with a neighbour."""
    owner, _, number = name.rpartition(".")
    owner = owner.removesuffix(".+")
    rows = texts.get(ROWS + owner, [])
    if number not in rows:
        return texts, name
    return texts | {ROWS + owner: move(list(rows), rows.index(number))}, name


def _row_removed(rows: list[str], place: int) -> list[str]:
    return rows[:place] + rows[place + 1 :]


def _row_earlier(rows: list[str], place: int) -> list[str]:
    return _rows_swapped(rows, place - 1) if place else rows


def _row_later(rows: list[str], place: int) -> list[str]:
    return _rows_swapped(rows, place) if place + 1 < len(rows) else rows


def _rows_swapped(rows: list[str], place: int) -> list[str]:
    return [*rows[:place], rows[place + 1], rows[place], *rows[place + 2 :]]


_ROW_MOVES: Mapping[str, Callable[[list[str], int], list[str]]] = {
    "remove": _row_removed,
    "up": _row_earlier,
    "down": _row_later,
}


def _rewritten_texts(root: Part, texts: Texts, *, as_form: bool) -> Texts:
    field: Field = drawn(root, texts)
    if field.value is MISSING or any(each.error for each in field.parts_below):
        return texts
    return spelled(root, field.value) if as_form else as_json(root, field.value)


def checked(form: ParamsForm) -> ParamsForm:
    """The form with what its schema says against the values, unless the texts themselves are wrong already."""
    if not form.is_sound:
        return form
    _, found = check_params(form.schema, form.params)
    return with_problems(form, [problem.as_dict() for problem in found])


def with_problems(form: ParamsForm, problems: Iterable[Mapping[str, str]]) -> ParamsForm:
    """Each problem beside the field that it is about, else beside the nearest one around it; the rest on top."""
    places = {path_text(field.part.path): field.name for field in form.fields}
    said: dict[str, str] = {}
    others: list[str] = []
    for problem in problems:
        path = problem["path"]
        place = next((prefix for prefix in _paths_around(path) if prefix in places), "")
        rest = path.removeprefix(place).lstrip(".")
        message = problem["message"] if not rest else f"{rest}: {problem['message']}"
        if place:
            said.setdefault(places[place], message)
        elif form.is_json and path:
            said.setdefault(form.root.name, message)
        else:
            others.append(message)
    root = _each_field(form.root, lambda field: replace(field, error=field.error or said.get(field.name, "")))
    return replace(form, root=root, problems=(*form.problems, *others))


def _paths_around(path: str) -> Iterable[str]:
    """`a.b[0]`, `a.b`, `a`."""
    yield path
    for end in range(len(path) - 1, 0, -1):
        if path[end] in ".[":
            yield path[:end]


def compared(form: ParamsForm, before: Mapping[str, Any]) -> ParamsForm:
    """The form with the old value beside each field, and a mark on those that differ from it."""
    return replace(form, root=_each_field(form.root, lambda field: _compared_field(field, before)))


def _compared_field(field: Field, before: Any) -> Field:
    if field.kind in (Kind.OBJECT, Kind.ALTERNATIVES) and field.members:
        return field  # its members say it
    for step in field.part.path:
        before = _value_inside(before, step)
    texts = spelled(field.part, before)
    return replace(
        field,
        was=_shown_before(before),
        was_texts=tuple(texts.get(field.name, ())),
        is_changed=bool(field.error) or json_or_nothing(before) != json_or_nothing(field.value),
    )


def _value_inside(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else MISSING
    return value.get(step, MISSING) if isinstance(value, Mapping) else MISSING


def json_or_nothing(value: Any) -> str:
    return "" if value is MISSING else json_text(value)


def _shown_before(value: Any) -> str:
    text = "not set" if value is MISSING else spoken(value)
    return text if len(text) <= WAS_CHARS else text[:WAS_CHARS] + "..."


def _each_field(field: Field, change: Callable[[Field], Field]) -> Field:
    return replace(change(field), members=tuple(_each_field(member, change) for member in field.members))
