"""The type checker: a plan whose shape is right against the catalogue, its own schemas and itself."""

from __future__ import annotations

from pulser.language.catalogue import Catalogue
from pulser.language.checks.outline import outline
from pulser.language.checks.plan import check_plan
from pulser.language.checks.step import check_step
from pulser.language.parse_plan import PlanDraft
from pulser.language.source import Source


def check(source: Source, shaped: PlanDraft, *, catalogue: Catalogue) -> None:
    """Adds to the source's problems what a plan that can be read says wrongly."""
    if shaped.plan is None:
        return
    plan = outline(source, shaped, catalogue=catalogue)
    check_plan(plan)
    for place in plan.places:
        check_step(plan, place)


__all__ = ["check"]
