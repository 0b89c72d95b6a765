"""What concerns one step: its tool and arguments, its condition, outputs, artifacts, retry and verifiers."""

from __future__ import annotations

from pulser.language.catalogue import ToolSpec
from pulser.language.checks.arguments import check_arguments
from pulser.language.checks.outline import Outline, StepPlace
from pulser.language.checks.plan import check_retry
from pulser.language.checks.schemas import check_schema
from pulser.language.checks.templates import check_condition, check_text
from pulser.language.checks.verify import check_verify
from pulser.language.names import did_you_mean, one_of
from pulser.language.schema_validation import Placeholder

_NOT_FOR_WAITING = ("verify", "retry", "artifacts")


def check_step(plan: Outline, place: StepPlace) -> None:
    """Adds to the problems what this step says wrongly."""
    _check_tool(plan, place)
    check_arguments(plan, place)
    if isinstance(place.step.if_, str):
        names = plan.names_for(place, has_functions=True)
        check_condition(plan.source, place.step.if_, path=(*place.path, "if"), names=names)
    _check_outputs(plan, place)
    _check_artifacts(plan, place)
    if place.step.retry:
        check_retry(plan.source, place.step.retry, path=(*place.path, "retry"))
    if place.tool is None or not place.tool.suspends:
        check_verify(plan, place)


def _check_tool(plan: Outline, place: StepPlace) -> None:
    if place.tool is None and "uses" not in place.spoiled:
        hint = did_you_mean(place.step.uses, plan.tools) or f"; there are {one_of(sorted(plan.tools))}"
        plan.source.add_at_value((*place.path, "uses"), f"unknown tool `{place.step.uses}`{hint}")
    elif place.tool and place.tool.suspends:
        _check_waiting(plan, place, place.tool)


def _check_waiting(plan: Outline, place: StepPlace, tool: ToolSpec) -> None:
    step = place.step
    for key, value in zip(_NOT_FOR_WAITING, (step.verify, step.retry, step.artifacts), strict=True):
        if value:
            plan.source.add_at_key((*place.path, key), f"`{tool.name}` does not support `{key}`")


def _check_outputs(plan: Outline, place: StepPlace) -> None:
    path = (*place.path, "outputs")
    if place.step.outputs and place.tool and not place.tool.declares_outputs:
        plan.source.add_at_key(path, f"`{place.tool.name}` has outputs of its own, and a step cannot declare more")
        return
    own = place.tool.output.get("properties", {}) if place.tool else {}
    for name, schema in place.step.outputs.items():
        if name in own:
            message = f"`{name}` is already an output of `{place.step.uses}`; choose another name"
            plan.source.add_at_key((*path, name), message)
        check_schema(plan.source, schema, path=(*path, name))


def _check_artifacts(plan: Outline, place: StepPlace) -> None:
    for index, artifact in enumerate(place.step.artifacts):
        path = (*place.path, "artifacts", index, "path")
        checked = check_text(plan.source, artifact.path, path=path, names=plan.names_for(place))
        literal = checked.text if isinstance(checked, Placeholder) else checked
        if literal.startswith(("/", "~")) or ".." in literal.split("/") or "\0" in literal:
            plan.source.add_at_value(path, "expected a path inside the workspace, relative and without `..`")
