"""What is said beside fields: what does not fit, and what was there before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from controlroom.web.forms.fields import Field, spoken
from controlroom.web.forms.params import ParamsForm
from controlroom.web.forms.parts import MISSING, Kind
from controlroom.web.forms.spelling import json_text, spelled
from pulser.language.params import check_params
from pulser.language.problems import path_text

WAS_CHARS = 300


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
        place = next((prefix for prefix in _prefixes(path) if prefix in places), "")
        rest = path.removeprefix(place).lstrip(".")
        message = problem["message"] if not rest else f"{rest}: {problem['message']}"
        if place:
            said.setdefault(places[place], message)
        elif form.is_json and path:
            said.setdefault(form.root.name, message)
        else:
            others.append(message)
    root = _changed(form.root, lambda field: replace(field, error=field.error or said.get(field.name, "")))
    return replace(form, root=root, problems=(*form.problems, *others))


def _prefixes(path: str) -> Iterable[str]:
    """`a.b[0]`, `a.b`, `a`."""
    yield path
    for end in range(len(path) - 1, 0, -1):
        if path[end] in ".[":
            yield path[:end]


def compared(form: ParamsForm, before: Mapping[str, Any]) -> ParamsForm:
    """The form with the old value beside each field, and a mark on those that differ from it."""
    return replace(form, root=_changed(form.root, lambda field: _compared(field, before)))


def _compared(field: Field, before: Any) -> Field:
    if field.kind in (Kind.OBJECT, Kind.ALTERNATIVES) and field.members:
        return field  # its members say it
    for step in field.part.path:
        before = _inside(before, step)
    texts = spelled(field.part, before)
    return replace(
        field,
        was=shown(before),
        was_texts=tuple(texts.get(field.name, ())),
        is_changed=bool(field.error) or json_of(before) != json_of(field.value),
    )


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else MISSING
    return value.get(step, MISSING) if isinstance(value, Mapping) else MISSING


def json_of(value: Any) -> str:
    return "" if value is MISSING else json_text(value)


def shown(value: Any) -> str:
    text = "not set" if value is MISSING else spoken(value)
    return text if len(text) <= WAS_CHARS else text[:WAS_CHARS] + "..."


def _changed(field: Field, change: Callable[[Field], Field]) -> Field:
    return replace(change(field), members=tuple(_changed(member, change) for member in field.members))
