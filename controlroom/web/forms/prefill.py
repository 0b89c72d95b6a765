"""Params in an address: `?p.repo=here&p.limits.cpu=2`, or all of them as `?params={...}`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from controlroom.web.forms.fields import parse_json
from controlroom.web.forms.parts import MISSING, ROOT_NAME, Kind, Part, Schema, is_kind, plain_name, root_part, token
from controlroom.web.forms.problems import json_of
from pulser.language.conformance import mismatches
from pulser.language.params import check_params

AT = f"{ROOT_NAME}."
WHOLE = "params"


class Unreadable(ValueError):
    """A text in the address that is no value of its param."""


def params_of(schema: Schema, query: Mapping[str, list[str]]) -> tuple[dict[str, Any], list[str]]:
    """What the address says of the params, and what of it cannot be read."""
    params, notes = _whole(query.get(WHOLE, []))
    for name, texts in query.items():
        if not name.startswith(AT):
            continue
        try:
            _put(params, root_part(schema), steps=name.removeprefix(AT).split("."), texts=texts)
        except Unreadable as error:
            notes.append(f"the address says {name}={texts[-1][:60]}: {error}")
    return params, notes


def _whole(texts: list[str]) -> tuple[dict[str, Any], list[str]]:
    if not texts:
        return {}, []
    try:
        value = parse_json(texts[-1])
    except ValueError:
        value = None
    return (value, []) if isinstance(value, dict) else ({}, ["the address says params=, but no JSON object"])


def _put(params: dict[str, Any], part: Part, *, steps: list[str], texts: list[str]) -> None:
    """Sets what lies behind these names; objects on the way are made."""
    *way, key = map(plain_name, steps)
    for step in way:
        part = _member(part, step)
        if part.kind not in (Kind.OBJECT, Kind.JSON, Kind.ALTERNATIVES):
            raise Unreadable(f"{step} is no object")
    value = _value(_member(part, key), texts)
    for step in way:
        params = params.setdefault(step, {})
        if not isinstance(params, dict):
            raise Unreadable(f"{step} is no object")
    params[key] = value


def _member(part: Part, key: str) -> Part:
    for kind in [part, *_variants(part)]:
        for inner in kind.properties():
            if inner.path[-1] == key:
                return inner
    if part.schema.get("properties") and not part.takes_other_keys and part.kind is Kind.OBJECT:
        raise Unreadable(f"there is no param {key}")
    return part.row("0", key=key)


def _variants(part: Part) -> Iterable[Part]:
    if part.kind is not Kind.ALTERNATIVES:
        return []
    return [part.alternative(number) for number in range(len(part.alternatives()))]


def _value(part: Part, texts: list[str]) -> Any:
    """The value that fits best: of a text the text itself, else what it says as JSON."""
    if part.kind in (Kind.LIST, Kind.CHECKS) and not (len(texts) == 1 and texts[0].lstrip().startswith("[")):
        return [_value(part.item(number), [text]) for number, text in enumerate(texts)]
    for candidate in _candidates(part, texts[-1]):
        if not mismatches(candidate, part.schema, root=part.root):
            return candidate
    return next(iter(_candidates(part, texts[-1])))


def _candidates(part: Part, text: str) -> list[Any]:
    """What the text may mean, the likeliest first. Raises Unreadable when it means nothing here."""
    text = text.replace("\0", "")
    if part.kind is Kind.TEXT:
        return [text]
    if part.kind is Kind.CHOICE:
        values = part.schema["enum"]
        return [v for v in values if v == text] + [v for v in values if token(v) == text] or [text]
    try:
        value: Any = parse_json(text)
    except ValueError:
        value = MISSING
    if part.kind is Kind.NUMBER and not is_kind(value, "integer", "number"):
        raise Unreadable("expected a number")
    if part.kind is Kind.FLAG and not isinstance(value, bool):
        raise Unreadable("expected true or false")
    return [text] if value is MISSING else [value, text]


def query_of(schema: Schema, params: Mapping[str, Any]) -> str:
    """The shortest readable address that leads to exactly these params."""
    names = {f"{AT}{_escaped(name)}": _text(value) for name, value in params.items()}
    found, notes = params_of(schema, {name: [text] for name, text in names.items()})
    is_exact = not notes and json_of(check_params(schema, found)[0]) == json_of(check_params(schema, params)[0])
    return urlencode(names if is_exact else {WHOLE: _text(dict(params))})


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace(".", "%2E")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
