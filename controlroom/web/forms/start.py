"""The form that starts a run: the params, and what else may be wished for; and the addresses that fill it in.

An address says params one by one, `?p.repo=here&p.limits.cpu=2`, or all of them as `?params={...}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from controlroom.web.forms.params import ParamsForm, blank_form, filled_form, json_or_nothing, read_form
from controlroom.web.forms.parts import MISSING, ROOT_NAME, Kind, Part, Schema, is_kind, plain_name, root_part, token
from pulser.language.json_values import parse_storable
from pulser.language.params import check_params
from pulser.language.read_document import read
from pulser.language.schema_validation import mismatches
from pulser.models import PlanVersion
from runs.models.choices import ENVIRONMENTS

AT = f"{ROOT_NAME}."
WHOLE = "params"
START_OPTIONS = ("title", "lane", "session", "environment")


class Unreadable(ValueError):
    """A text in the address that is no value of its param."""


@dataclass(frozen=True, slots=True)
class StartForm:
    """What the start page shows. `wishes`: title, lane (its name), session (its id), environment; `errors` of these."""

    params: ParamsForm
    wishes: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def summary(self) -> list[tuple[str, str, str]]:
        """Everything that is wrong, in order: where it stands on the page, what that is called, and the reason."""
        fields = [(each.name, each.part.label, each.error) for each in self.params.wrong]
        wishes = [(f"run-{name}", name.capitalize(), message) for name, message in self.errors.items()]
        return [("", "", message) for message in (*self.problems, *self.params.problems)] + fields + wishes

    def refused(self, problems: Iterable[Mapping[str, str]]) -> StartForm:
        """With what the start itself found wrong."""
        found = list(problems)
        errors = {each["path"]: each["message"] for each in found if each["path"] in START_OPTIONS}
        others = tuple(each["message"] for each in found if each["path"] not in START_OPTIONS)
        return replace(self, errors={**self.errors, **errors}, problems=(*self.problems, *others))


def schema_of(version: PlanVersion) -> Schema:
    """Of its params, read from the source: it keeps the order in which the author wrote them, stored JSON does not."""
    document = read(version.source).document
    schema = document.get("params") if isinstance(document, Mapping) else None
    return schema if isinstance(schema, Mapping) else {"type": "object", "properties": {}}


def initial_start_form(version: PlanVersion, query: QueryDict, *, session: str) -> StartForm:
    """The form as the address fills it in: with `p.NAME`, `params`, `title`, `lane`, `session`, `environment`."""
    schema = schema_of(version)
    params, notes = params_of(schema, dict(query.lists()))
    form = filled_form(schema, params) if params else blank_form(schema)
    wishes = {"session": session, "environment": _first_environment(version)} | _wishes_of(query)
    return StartForm(form, wishes, problems=tuple(notes))


def submitted_start_form(version: PlanVersion, posted: QueryDict, *, command: str = "") -> StartForm:
    return StartForm(read_form(schema_of(version), posted, command=command), _wishes_of(posted))


def _wishes_of(data: QueryDict) -> dict[str, str]:
    return {name: str(data[name]).replace("\0", "").strip() for name in START_OPTIONS if name in data}


def _first_environment(version: PlanVersion) -> str:
    return next(iter(environments_of(version)), "dev")


def environments_of(version: PlanVersion) -> list[str]:
    """Where a run of this version may act."""
    named = version.document.get("environments") or ()
    return [name for name, _ in ENVIRONMENTS if not named or name in named]


def params_of(schema: Schema, query: Mapping[str, list[str]]) -> tuple[dict[str, Any], list[str]]:
    """What the address says of the params, and what of it cannot be read."""
    params, notes = _params_as_json(query.get(WHOLE, []))
    for name, texts in query.items():
        if not name.startswith(AT):
            continue
        try:
            _put_param(params, root_part(schema), steps=name.removeprefix(AT).split("."), texts=texts)
        except Unreadable as error:
            notes.append(f"from the URL, {name}={texts[-1][:60]}: {error}")
    return params, notes


def _params_as_json(texts: list[str]) -> tuple[dict[str, Any], list[str]]:
    if not texts:
        return {}, []
    try:
        value = parse_storable(texts[-1])
    except ValueError:
        value = None
    return (value, []) if isinstance(value, dict) else ({}, ["from the URL, params: expected a JSON object"])


def _put_param(params: dict[str, Any], part: Part, *, steps: list[str], texts: list[str]) -> None:
    """Sets what lies behind these names; objects on the way are made."""
    *way, key = map(plain_name, steps)
    for step in way:
        part = _member_part(part, step)
        if part.kind not in (Kind.OBJECT, Kind.JSON, Kind.ALTERNATIVES):
            raise Unreadable(f"{step} is not an object")
    value = _param_value(_member_part(part, key), texts)
    for step in way:
        params = params.setdefault(step, {})
        if not isinstance(params, dict):
            raise Unreadable(f"{step} is not an object")
    params[key] = value


def _member_part(part: Part, key: str) -> Part:
    for kind in [part, *_variants_of(part)]:
        for inner in kind.properties():
            if inner.path[-1] == key:
                return inner
    if part.schema.get("properties") and not part.takes_other_keys and part.kind is Kind.OBJECT:
        raise Unreadable(f"unknown param {key}")
    return part.row("0", key=key)


def _variants_of(part: Part) -> Iterable[Part]:
    if part.kind is not Kind.ALTERNATIVES:
        return []
    return [part.alternative(number) for number in range(len(part.alternatives()))]


def _param_value(part: Part, texts: list[str]) -> Any:
    """The value that fits best: of a text the text itself, else what it says as JSON."""
    if part.kind in (Kind.LIST, Kind.CHECKS) and not (len(texts) == 1 and texts[0].lstrip().startswith("[")):
        return [_param_value(part.item(number), [text]) for number, text in enumerate(texts)]
    for candidate in _candidate_values(part, texts[-1]):
        if not mismatches(candidate, part.schema, root=part.root):
            return candidate
    return next(iter(_candidate_values(part, texts[-1])))


def _candidate_values(part: Part, text: str) -> list[Any]:
    """What the text may mean, the likeliest first. Raises Unreadable when it means nothing here."""
    text = text.replace("\0", "")
    if part.kind is Kind.TEXT:
        return [text]
    if part.kind is Kind.CHOICE:
        values = part.schema["enum"]
        return [v for v in values if v == text] + [v for v in values if token(v) == text] or [text]
    try:
        value: Any = parse_storable(text)
    except ValueError:
        value = MISSING
    if part.kind is Kind.NUMBER and not is_kind(value, "integer", "number"):
        raise Unreadable("expected a number")
    if part.kind is Kind.FLAG and not isinstance(value, bool):
        raise Unreadable("expected true or false")
    return [text] if value is MISSING else [value, text]


def query_of(schema: Schema, params: Mapping[str, Any]) -> str:
    """The shortest readable address that leads to exactly these params."""
    names = {f"{AT}{_escaped_name(name)}": _address_text(value) for name, value in params.items()}
    found, notes = params_of(schema, {name: [text] for name, text in names.items()})
    is_exact = not notes and json_or_nothing(check_params(schema, found)[0]) == json_or_nothing(
        check_params(schema, params)[0]
    )
    return urlencode(names if is_exact else {WHOLE: _address_text(dict(params))})


def _escaped_name(name: str) -> str:
    return name.replace("%", "%25").replace(".", "%2E")


def _address_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
