"""A claimed step in a worker's hands: the kernel performs it, the database hears of it."""

from __future__ import annotations

from collections.abc import Callable

from pulser.catalogue import compiled_plan
from pulser.engine.graph import Graph
from pulser.kernel.execution import execute, report_error
from pulser.tools.effects import effect_of
from runs.execution.assigning import assign
from runs.execution.disconnects import retry_on_disconnect
from runs.execution.pool_process import heartbeat
from runs.execution.reporter import DatabaseReporter
from runs.transitions.claim import Claim
from runs.transitions.outcomes import FinishResult


def execute_claim(claim: Claim, *, go_on: Callable[[], bool] = lambda: True) -> FinishResult:
    """Do the step's work and record how it went; returns the next claim for this worker, if there is one.

    `go_on` is asked when the work is done: whether this worker may claim another step.
    """
    graph = retry_on_disconnect(lambda: compiled_plan(claim.version_id))
    try:
        assignment = assign(claim, graph)
    except Exception as error:
        return _report_failure(error, claim, graph, go_on=go_on)
    reporter = DatabaseReporter(claim, graph, effect=assignment.effect, go_on=go_on)
    execute(assignment, reporter=reporter, heartbeat=heartbeat)
    return reporter.finished


def _report_failure(error: Exception, claim: Claim, graph: Graph, *, go_on: Callable[[], bool]) -> FinishResult:
    effect = effect_of(graph.nodes[claim.key].step)
    reporter = DatabaseReporter(claim, graph, effect=effect, go_on=go_on)
    report_error(error, reporter=reporter, name=f"run {claim.run_id}: step {claim.key}")
    return reporter.finished
