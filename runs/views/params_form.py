"""The start form of a plan: fields drawn from the JSON Schema of its params, and what was typed into them as values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

PREFIX = "param-"
SIMPLE = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Field:
    """One param. `kind`: string, integer, number, boolean, choice, or json for everything else."""

    name: str
    label: str
    kind: str
    required: bool
    help: str = ""
    choices: tuple[str, ...] = ()
    text: str = ""
    error: str = ""

    @property
    def input(self) -> str:
        return PREFIX + self.name


@dataclass(frozen=True, slots=True)
class StartForm:
    """What the start page shows: the fields, the other wishes, and what does not fit."""

    fields: tuple[Field, ...]
    title: str = ""
    lane: str = ""
    session: str = ""
    environment: str = "dev"
    problems: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.problems and not any(one.error for one in self.fields)


@dataclass(slots=True)
class Typed:
    """The form as it was sent back, and the params that it means."""

    form: StartForm
    params: dict[str, Any] = field(default_factory=dict)


def blank_form(schema: Mapping[str, Any], *, session: str = "") -> StartForm:
    """The form with the schema's defaults in it."""
    return StartForm(fields=tuple(_fields(schema)), session=session)


def _fields(schema: Mapping[str, Any]) -> Iterable[Field]:
    required = set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        about = part if isinstance(part, dict) else {}
        yield Field(
            name=name,
            label=str(about.get("title") or name),
            kind=_kind(about),
            required=name in required,
            help=str(about.get("description", "")),
            choices=tuple(str(choice) for choice in about.get("enum", ())),
            text=_text(about.get("default")),
        )


def _kind(about: Mapping[str, Any]) -> str:
    if about.get("enum") and all(isinstance(choice, str) for choice in about["enum"]):
        return "choice"
    kind = about.get("type")
    return kind if isinstance(kind, str) and kind in SIMPLE else "json"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_form(schema: Mapping[str, Any], data: Mapping[str, str]) -> Typed:
    """The typed texts as values. A field left empty is left out, so that defaults and `required` decide."""
    blank = blank_form(schema)
    typed = Typed(blank)
    fields = tuple(_read(one, data.get(one.input, ""), params=typed.params) for one in blank.fields)
    typed.form = StartForm(
        fields=fields,
        title=_plain(data, "title"),
        lane=_plain(data, "lane"),
        session=_plain(data, "session"),
        environment=_plain(data, "environment"),
    )
    return typed


def _plain(data: Mapping[str, str], name: str) -> str:
    return data.get(name, "").replace("\0", "").strip()


def _read(one: Field, text: str, *, params: dict[str, Any]) -> Field:
    """The field with its text; its value goes into `params`, or the reason why it has none into `error`."""
    one = replace(one, text=text)
    if one.kind == "boolean":
        params[one.name] = text == "true"
    elif one.kind in ("string", "choice"):
        params |= {one.name: text} if text else {}
    elif text.strip():
        return _read_json(one, params=params)
    return one


def _read_json(one: Field, *, params: dict[str, Any]) -> Field:
    try:
        params[one.name] = json.loads(one.text)
    except ValueError:
        expected = {"integer": "a whole number", "number": "a number"}.get(one.kind, "JSON")
        return replace(one, error=f"expected {expected}")
    return one


def with_problems(form: StartForm, problems: Iterable[Mapping[str, str]]) -> StartForm:
    """Each problem beside its field; what belongs to no field above the form."""
    errors: dict[str, str] = {}
    others: list[str] = []
    known = {one.name for one in form.fields}
    for problem in problems:
        name = _field_name(problem["path"])
        if name in known:
            errors.setdefault(name, problem["message"])
        else:
            others.append(f"{problem['path']}: {problem['message']}".removeprefix(": "))
    fields = tuple(replace(one, error=one.error or errors.get(one.name, "")) for one in form.fields)
    return replace(form, fields=fields, problems=tuple(others))


def _field_name(path: str) -> str:
    """`params.repo.url[0]` is about the field `repo`."""
    return path.removeprefix("params").lstrip("./").partition(".")[0].partition("[")[0].partition("/")[0]
