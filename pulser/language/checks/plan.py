"""What concerns the plan as a whole: ids, order, the schema of params, its own outputs and retry."""

from __future__ import annotations

from pulser.language import limits
from pulser.language.checks.outline import Outline, StepPlace
from pulser.language.checks.schemas import check_schema
from pulser.language.checks.templates import check_text
from pulser.language.document import Retry
from pulser.language.names import did_you_mean
from pulser.language.problems import Path
from pulser.language.source import Source


def check_plan(plan: Outline) -> None:
    """Adds to the problems what no single step is to blame for."""
    _check_count(plan)
    _check_ids(plan)
    main = frozenset(step.id for step in plan.plan.steps)
    for place in plan.places:
        _check_needs(plan, place, main=main)
    _check_circles(plan)
    if "params" in plan.source.document:
        check_schema(plan.source, plan.plan.params, path=("params",), is_params=True)
    if plan.plan.retry:
        check_retry(plan.source, plan.plan.retry, path=("retry",))
    for name, text in plan.plan.outputs.items():
        check_text(plan.source, text, path=("outputs", name), names=plan.names_at_end())


def _check_count(plan: Outline) -> None:
    count = len(plan.places)
    if count > limits.PLAN_STEPS:
        plan.source.add_at_value(("steps",), f"at most {limits.PLAN_STEPS:,} steps are allowed, got {count:,}")


def _check_ids(plan: Outline) -> None:
    first: dict[str, StepPlace] = {}
    for place in plan.places:
        twin = first.setdefault(place.step.id, place)
        if twin is not place:
            key, index = twin.path
            message = f"the id `{place.step.id}` is already used by {key}[{index}]; ids must be unique"
            plan.source.add_at_value((*place.path, "id"), message)


def _check_needs(plan: Outline, place: StepPlace, *, main: frozenset[str]) -> None:
    if place.is_finally and place.step.needs:
        message = "`finally` steps run one after the other and have no `needs`"
        plan.source.add_at_key((*place.path, "needs"), message)
        return
    for index, need in enumerate(place.step.needs):
        if need not in main:
            hint = did_you_mean(need, main)
            plan.source.add_at_value((*place.path, "needs", index), f"unknown step `{need}`{hint}")


def _check_circles(plan: Outline) -> None:
    places = {place.step.id: place for place in reversed(plan.places)}
    for circle in plan.order.circles():
        message = f"circular dependency: {' -> '.join(circle)}"
        plan.source.add_at_value((*places[circle[0]].path, "needs"), message)


def check_retry(source: Source, retry: Retry, *, path: Path) -> None:
    """The longest pause is not shorter than the first."""
    if retry.max < retry.initial:
        message = f"expected `max` of at least `initial` ({retry.initial:g} s), got {retry.max:g} s"
        source.add_at_value((*path, "max"), message)
