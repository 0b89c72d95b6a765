"""The published JSON Schema of a plan document."""

from __future__ import annotations

from typing import Any

from pulser.language.document import Plan

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def plan_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan, from the models, with the keys as documents write them."""
    return {"$schema": DIALECT, **Plan.model_json_schema(by_alias=True)}
