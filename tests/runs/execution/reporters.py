"""The worker's reporter of a claim, as `perform` makes it."""

from __future__ import annotations

from pulser.catalogue import compiled_plan
from pulser.tools.effects import effect_of
from runs.execution.reporter import DatabaseReporter
from runs.transitions.claim import Claim


def reporter_of(claim: Claim) -> DatabaseReporter:
    graph = compiled_plan(claim.version_id)
    effect = effect_of(graph.nodes[claim.key].step)
    return DatabaseReporter(claim, graph, effect=effect, go_on=lambda: False)
