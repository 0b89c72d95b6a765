"""Loaded by schemathesis: in half of the requests, real ids stand where invented ones would only find nothing.

Which half is told by the request itself, so that a seed gives the same requests again.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.core import NotSet
from schemathesis.core.parameters import ParameterLocation

IDS: dict[str, list[str]] = json.loads(Path(os.environ["FUZZ_IDS"]).read_text())
RUNS_FOR = {"/events/stream": "ended", "{artifact_id}": "with_artifact", "{step}": "waiting"}  # by the call's path
PLANS = ("/api/v1/plans", "/api/v1/plans/check")
DOCUMENT: dict[str, Any] = {
    "pulser": 1,
    "slug": "fuzzed",
    "title": "Fuzzed",
    "steps": [{"id": "only", "uses": "shell", "with": {"run": "true"}}],
}
KEYS = ("params", "steps", "finally", "lane", "timeout", "retry", "outputs", "title", "environments", "unknown")
STEP_KEYS = (
    "with",
    "needs",
    "if",
    "foreach",
    "retry",
    "verify",
    "outputs",
    "artifacts",
    "timeout",
    "secrets",
    "effect",
)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    chance = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "replace"))
    if _fits(case, ParameterLocation.QUERY):
        case.query.pop("cursor", None)  # none is right but one that was given
    if chance % 2:
        return
    if _fits(case, ParameterLocation.PATH):
        for name in case.path_parameters:
            known = IDS[_kind(case.path, name)]
            case.path_parameters[name] = known[chance // 2 % len(known)]
    if _fits(case, ParameterLocation.BODY):
        _mend_body(case, chance // 2)


def _kind(path: str, name: str) -> str:
    """A run of any kind is not always one of which there is something to see."""
    found = (kind for part, kind in RUNS_FOR.items() if part in path)
    return next(found, name) if name == "run_id" else name


def _fits(case: Any, location: ParameterLocation) -> bool:
    """Whether this part of the request is there, and is not wrong on purpose."""
    part = case.meta.components.get(location) if case.meta else None
    return part is not None and part.mode.is_positive


def _mend_body(case: Any, chance: int) -> None:
    if case.method == "POST" and case.path == "/api/v1/runs" and isinstance(case.body, dict):
        case.body = {**case.body, "plan": IDS["slug"][chance % len(IDS["slug"])], "lane": "A"}
        case.body.pop("session", None)
    elif case.path in PLANS and case.media_type == "application/json" and not isinstance(case.body, NotSet):
        case.body = _document(case.body, chance)


def _document(fragment: Any, chance: int) -> dict[str, Any]:
    """A right plan with something invented at one place of it."""
    if chance % 2:
        return {**DOCUMENT, KEYS[chance // 2 % len(KEYS)]: fragment}
    step = {**DOCUMENT["steps"][0], STEP_KEYS[chance // 2 % len(STEP_KEYS)]: fragment}
    return {**DOCUMENT, "steps": [step]}
