"""A plan laid out for the checks: each step with its place, its tool, its type and what runs before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pulser.language.catalogue import Catalogue, ToolSpec, VerifierSpec
from pulser.language.checks.order import Order
from pulser.language.document import Plan, Step
from pulser.language.infer import NameTypes
from pulser.language.parse_plan import PlanDraft
from pulser.language.problems import Path
from pulser.language.source import Source
from pulser.language.types import ANY, Type


@dataclass(frozen=True, slots=True)
class StepPlace:
    """A step in its place. The `spoiled` keys have faults already, and are taken to be right in everything else."""

    step: Step
    path: Path
    tool: ToolSpec | None
    is_finally: bool
    spoiled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outline:
    source: Source
    plan: Plan
    places: tuple[StepPlace, ...]
    tools: Mapping[str, ToolSpec]
    verifiers: Mapping[str, VerifierSpec]
    order: Order
    types: Mapping[str, Type]
    params: Type

    def names_for(self, place: StepPlace, *, has_functions: bool = False) -> NameTypes:
        """What the expressions of this step may name."""
        unreachable = partial(self.order.unreachable, place.step.id)
        return NameTypes(params=self.params, steps=self.types, unreachable=unreachable, has_functions=has_functions)

    def names_at_end(self) -> NameTypes:
        """What the plan's own outputs may name: every step."""
        return NameTypes(params=self.params, steps=self.types, unreachable=self.order.unknown)


def outline(source: Source, shaped: PlanDraft, *, catalogue: Catalogue) -> Outline:
    """Lays out a plan. Steps that are there twice count once, as the first."""
    assert shaped.plan is not None  # the caller has looked
    plan, tools = shaped.plan, catalogue.tools()
    places = (
        *_places(plan.steps, "steps", shaped=shaped, tools=tools),
        *_places(plan.finally_, "finally", shaped=shaped, tools=tools),
    )
    return Outline(
        source=source,
        plan=plan,
        places=places,
        tools=tools,
        verifiers=catalogue.verifiers(),
        order=Order(plan, unsure=frozenset(place.step.id for place in places if "needs" in place.spoiled)),
        types={place.step.id: step_type(place) for place in reversed(places)},
        params=_closed(plan.params) if shaped.has_params else ANY,
    )


def _places(steps: tuple[Step, ...], key: str, *, shaped: PlanDraft, tools: Mapping[str, ToolSpec]) -> list[StepPlace]:
    return [
        StepPlace(
            step, (key, index), tools.get(step.uses), key == "finally", shaped.spoiled.get((key, index), frozenset())
        )
        for index, step in enumerate(steps)
    ]


def step_type(place: StepPlace) -> Type:
    """The type of `steps.ID`."""
    outputs = outputs_type(place)
    return {"type": "object", "properties": {"outputs": outputs, "status": {"type": "string"}}}


def outputs_type(place: StepPlace) -> Type:
    """The type of the step's outputs: the tool's, and those that the step declares. Unknown for an unknown tool."""
    if place.tool is None or "outputs" in place.spoiled:
        return ANY
    tool = _closed(place.tool.output)
    if not place.step.outputs:
        return tool
    properties = {**tool.get("properties", {}), **place.step.outputs}
    return {"type": "object", "additionalProperties": False, **tool, "properties": properties}


def _closed(schema: Mapping[str, Any]) -> Type:
    """A schema that names its fields has no others for the checker, unless it says so: slips should be found."""
    is_open = {"additionalProperties", "patternProperties", "anyOf", "oneOf", "allOf", "$ref", "if"} & schema.keys()
    if "properties" not in schema or is_open:
        return schema
    return {**schema, "additionalProperties": False}
