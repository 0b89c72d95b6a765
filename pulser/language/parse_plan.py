"""A document's keys and plain values against the models, each problem at its place and in our words."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from pulser.language.document import ArtifactSpec, Plan, Retry, Step
from pulser.language.names import did_you_mean, format_value, nearest, one_of, wrong_kind
from pulser.language.problems import Path
from pulser.language.source import Source

LATER = frozenset(
    {"foreach", "max_parallel", "preconditions", "resources", "secrets", "services", "states", "skills", "matrix"}
)
"""Keys that later versions of the language have, or that people expect from neighbours."""

_OTHER_WORDS = {
    "depends_on": "needs",
    "when": "if",
    "args": "with",
    "inputs": "with",
    "tool": "uses",
    "name": "title",
    "jobs": "steps",
    "retries": "retry",
}
_TELLING = frozenset({"id", "uses", "with", "outputs", "needs"})
"""Keys of a step that other checks build on: what they would say of a faulty one might be wrong."""


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """The plan as far as it can be read, with stand-ins for what cannot.

    `spoiled` has, by `steps` or `finally` and index, the keys of a step that are stand-ins and must not be judged.
    """

    plan: Plan | None
    spoiled: Mapping[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    has_params: bool = True


@dataclass(frozen=True, slots=True)
class _Fault:
    path: Path
    message: str
    is_key: bool = False
    guess: str | None = None
    """For an unknown key: the name it probably stands for."""


def shape(source: Source) -> PlanDraft:
    """Adds the problems to the source, and gives the plan that is left without them."""
    document = source.document
    faults = _faults(document)
    for fault in faults:
        add = source.add_at_key if fault.is_key else source.add_at_value
        add(fault.path, fault.message)
    if not faults:
        return PlanDraft(_validate(document))
    return _salvage(copy.deepcopy(document), faults)


def _validate(document: Any) -> Plan:
    # By way of JSON, because only there "strict" takes a list for a tuple and a text for a word of an enum.
    return Plan.model_validate_json(json.dumps(document), strict=True, by_alias=True, by_name=False)


def _faults(document: Any) -> list[_Fault]:
    try:
        _validate(document)
    except ValidationError as error:
        found: dict[Path, _Fault] = {}
        for details in error.errors(include_url=False):
            # Of a list whose entries are wrong pydantic also says that it is too short.
            if details["type"] != "too_short" or not details["input"]:
                fault = _fault(document, dict(details))
                found.setdefault(fault.path, fault)
        return list(found.values())
    return []


def _fault(document: Any, details: dict[str, Any]) -> _Fault:
    kind, loc = details["type"], details["loc"]
    path = _existing(document, loc)
    if kind == "extra_forbidden":
        return _unknown_key(document, path)
    if kind == "missing":
        return _Fault((*path, loc[-1]), f"`{loc[-1]}` is missing{_why(loc[-1])}")
    if loc[-1] == "[key]":
        return _Fault(
            path, f"expected a name of letters, digits, `-` and `_`, got {format_value(path[-1])}", is_key=True
        )
    return _Fault(path, _sentence(kind, details))


def _existing(document: Any, loc: tuple[str | int, ...]) -> Path:
    """The part of a place that is in the document: pydantic adds the names of union members and the like."""
    path: Path = ()
    for part in loc:
        is_there = part in document if isinstance(document, Mapping) else _has_index(document, part)
        if not is_there:
            break
        path, document = (*path, part), document[part]
    return path


def _has_index(value: Any, part: str | int) -> bool:
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _why(key: str | int) -> str:
    return {
        "pulser": ": the version of the language, write `pulser: 1`",
        "slug": ": the plan's short name in URLs and commands",
        "steps": ": what the plan does",
        "uses": ": the tool of the step, such as `uses: shell`",
        "id": ": the step's name for `needs` and expressions",
    }.get(str(key), "")


def _unknown_key(document: Any, path: Path) -> _Fault:
    key = str(path[-1])
    if key in LATER:
        return _Fault(path, f"`{key}` is not supported in this version of the language", is_key=True)
    if key == "<<":
        return _Fault(path, "merge keys (`<<`) are not in the language; name each key", is_key=True)
    known = _keys_at(path[:-1])
    guess = nearest(key, known) or (_OTHER_WORDS.get(key) if _OTHER_WORDS.get(key) in known else None)
    hint = f"; did you mean `{guess}`?" if guess else f"; there are {', '.join(f'`{name}`' for name in known)}"
    return _Fault(path, f"unknown key `{key[:100]}`{hint}", is_key=True, guess=guess)


def _keys_at(path: Path) -> list[str]:
    if not path:
        return keys_of(Plan)
    if path[-1] == "retry":
        return keys_of(Retry)
    return keys_of(ArtifactSpec if "artifacts" in path else Step)


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a model as a document writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


_EXPECTED = {
    "string": {"string"},
    "int": {"integer"},
    "float": {"number"},
    "bool": {"boolean"},
    "dict": {"object"},
    "model": {"object"},
    "tuple": {"array"},
    "list": {"array"},
}


def _sentence(kind: str, details: dict[str, Any]) -> str:
    value, context = details["input"], details.get("ctx", {})
    if kind == "value_error":
        return (
            f"{context['error']}"
            if "got" in str(context["error"])
            else f"{context['error']}, got {format_value(value)}"
        )
    if kind in ("literal_error", "enum"):
        return _not_among(value, context["expected"])
    if kind == "string_pattern_mismatch":
        return f"expected {_named_pattern(context['pattern'])}, got {format_value(value)}"
    bound = _bound(kind, context)
    if bound:
        return (
            f"expected {bound}, got {format_value(value) if not isinstance(value, list | dict | str) else len(value)}"
        )
    if kind.endswith(("_type", "_parsing", "_from_float", "_attributes_type")):
        return _wrong_kind(kind, value)
    return f"{details['msg'][:1].lower()}{details['msg'][1:]}, got {format_value(value)}"


def _not_among(value: Any, expected: str) -> str:
    choices = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    hint = did_you_mean(value, choices) if isinstance(value, str) else ""
    return f"expected {one_of(choices)}, got {format_value(value)}{hint}"


def _named_pattern(pattern: str) -> str:
    if "a-z0-9" in pattern and "A-Z" not in pattern:
        return "lowercase letters, digits and `-`"
    return "letters, digits, `-` and `_`, beginning with a letter"


def _bound(kind: str, context: dict[str, Any]) -> str:
    bounds = {
        "greater_than_equal": "at least {ge}",
        "greater_than": "more than {gt}",
        "less_than_equal": "at most {le}",
        "less_than": "less than {lt}",
        "too_short": "at least {min_length} entry",
        "too_long": "at most {max_length} entries",
        "string_too_short": "at least {min_length} character",
        "string_too_long": "at most {max_length} characters",
    }
    return bounds[kind].format(**context) if kind in bounds else ""


def _wrong_kind(kind: str, value: Any) -> str:
    kinds = _EXPECTED.get(kind.split("_", maxsplit=1)[0], set())
    return wrong_kind(kinds, value)


def _salvage(document: dict[str, Any], faults: list[_Fault]) -> PlanDraft:
    """The plan without its faults, so that the rest can be judged in the same go."""
    spoiled: dict[tuple[str, int], frozenset[str]] = {}
    for fault in faults:
        place = _step_of(fault.path)
        if place is not None:
            spoiled[place] = spoiled.get(place, frozenset()) | _spoiled_by(fault)
            _drop(document[place[0]], index=place[1], fault=fault)
        elif fault.path:
            document.pop(str(fault.path[0]), None)
    for (key, index), keys in spoiled.items():
        document[key][index] = _stand_in(document[key][index], keys, index=index)
    try:
        plan = _validate({"pulser": 1, "slug": "unnamed", **document})
    except ValidationError:
        return PlanDraft(None)
    return PlanDraft(plan, spoiled, has_params=not any(fault.path[:1] == ("params",) for fault in faults))


def _step_of(path: Path) -> tuple[str, int] | None:
    if len(path) >= 2 and path[0] in ("steps", "finally") and isinstance(path[1], int):
        return str(path[0]), path[1]
    return None


def _spoiled_by(fault: _Fault) -> frozenset[str]:
    if len(fault.path) < 3:
        return _TELLING
    return _TELLING & {str(fault.path[2]), fault.guess or ""}


def _drop(steps: list[Any], *, index: int, fault: _Fault) -> None:
    if len(fault.path) < 3:
        steps[index] = {}
    else:
        steps[index].pop(fault.path[2], None)


def _stand_in(step: dict[str, Any], spoiled: frozenset[str], *, index: int) -> dict[str, Any]:
    required = {"id": f"unnamed-{index}", "uses": "unknown"}
    return {**step, **{key: value for key, value in required.items() if key in spoiled}}
