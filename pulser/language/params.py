"""The params of a run against the schema that its plan declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

from pulser.language.json_values import parse_json
from pulser.language.limits import PARAMS_BYTES
from pulser.language.names import did_you_mean, kind_of, kinds_phrase
from pulser.language.problems import path_text
from pulser.language.schema_validation import mismatches
from pulser.language.types import NoField, field, kinds


@dataclass(frozen=True, slots=True)
class ParamProblem:
    """One thing to put right; the path is empty for the params as a whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class ParamsTooLarge(ParamProblem):
    """They take more than PARAMS_BYTES."""


def check_params(schema: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[dict[str, Any], list[ParamProblem]]:
    """The params with defaults filled in, also in objects among them, and what is wrong. Coerces nothing."""
    if problem := _too_large(params):
        return dict(params), [problem]
    filled = _with_defaults(schema, params)
    found = [ParamProblem(path_text(each.path), each.message) for each in mismatches(filled, schema)]
    return filled, found


def _too_large(params: Mapping[str, Any]) -> ParamProblem | None:
    try:
        size = params_bytes(params)
    except (ValueError, TypeError, RecursionError):
        return ParamProblem("", "expected values that can be written as JSON")
    if size > PARAMS_BYTES:
        return ParamsTooLarge("", f"expected at most {PARAMS_BYTES:,} bytes of JSON, got {size:,}")
    return None


def params_bytes(params: Mapping[str, Any]) -> int:
    """Bytes of their shortest JSON: neither spaces nor a sender's escapes count.

    Raises ValueError, TypeError or RecursionError for what cannot be written as JSON.
    """
    return len(json.dumps(params, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def _with_defaults(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    # References are not followed: a schema that refers to itself would never end.
    filled = dict(value)
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(part, Mapping):
            continue
        if name not in filled and "default" in part:
            filled[name] = deepcopy(part["default"])
        if isinstance(filled.get(name), Mapping):
            filled[name] = _with_defaults(part, filled[name])
    return filled


def coerce_params(schema: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[dict[str, Any], list[ParamProblem]]:
    """Params typed by their schema, from the texts of a command line. What cannot be converted is a problem."""
    params: dict[str, Any] = {}
    problems = []
    for name, text in texts.items():
        try:
            params[name] = _coerced(text, _kinds(schema, name))
        except ValueError as error:
            problems.append(ParamProblem(path_text((name,)), str(error)))
    return params, problems


def _kinds(schema: Mapping[str, Any], name: str) -> frozenset[str] | None:
    try:
        return kinds(field(schema, name))
    except NoField as error:
        # Whether other names are allowed is for the schema to say; a slip is likelier, so the nearest is named.
        raise ValueError(f"unknown param `{name}`{did_you_mean(name, error.known)}") from None


def _coerced(text: str, wanted: frozenset[str] | None) -> Any:
    """A text stays one where the schema allows it, or says nothing."""
    if wanted is None or "string" in wanted:
        return text
    try:
        value = parse_json(text.strip())
    except ValueError:
        value = text
    if kind_of(value) not in wanted:
        raise ValueError(f"expected {kinds_phrase(wanted)}, got {text[:100]!r}")
    return value
