"""From a claim to what the kernel is handed: everything that the plan says about the step, rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from pulser.engine.graph import Graph, Node
from pulser.engine.scope import run_scope
from pulser.kernel.assignment import Assignment, VerifyEntry
from pulser.language.document import ArtifactSpec
from pulser.language.expressions import ExpressionError, render
from pulser.tools.base import PermanentError
from pulser.tools.effects import effect_of
from runs.execution.disconnects import retry_on_disconnect
from runs.execution.workspace import workspace_of
from runs.models import Attempt
from runs.transitions.claim import LEASE_S, Claim
from runs.transitions.locked_run import read_facts


def assign(claim: Claim, graph: Graph) -> Assignment:
    """The attempt that the claim opened. Raises PermanentError when what the plan says of it cannot be rendered."""
    node = graph.nodes[claim.key]
    scope = _scope(claim, graph, node)
    arguments = _rendered(node.step.with_, scope, what="the arguments cannot be rendered")
    return Assignment(
        run_id=claim.run_id,
        step_id=claim.key,
        number=claim.number,
        tool=node.step.uses,
        arguments=arguments,
        workdir=workspace_of(claim.run_id),
        timeout_s=graph.timeout_of(claim.key),
        lease_s=LEASE_S,
        idempotency_key=f"{claim.run_id}/{claim.key}",
        effect=effect_of(node.step, arguments),
        environment=claim.environment,
        declared=node.step.outputs,
        artifacts=tuple(_artifact(spec, scope) for spec in node.step.artifacts),
        verify=tuple(_verify_entry(entry, scope) for entry in node.step.verify),
        settings=settings.TOOL_SETTINGS,
        leftover_groups=_leftover_groups(claim),
    )


def _scope(claim: Claim, graph: Graph, node: Node) -> dict[str, Any]:
    facts = retry_on_disconnect(lambda: read_facts(claim.run_id, set(node.reads)))
    steps = {key: {"status": fact.status.value, "outputs": fact.outputs} for key, fact in facts.items()}
    scope = run_scope(graph, run_id=claim.run_id, title=claim.title, params=claim.params, environment=claim.environment)
    return {**scope, "steps": steps}


def _rendered(template: Any, scope: Mapping[str, Any], *, what: str) -> Any:
    try:
        return render(template, scope)
    except ExpressionError as error:
        raise PermanentError(f"{what}: {error}") from error


def _artifact(spec: ArtifactSpec, scope: Mapping[str, Any]) -> ArtifactSpec:
    path = _rendered(spec.path, scope, what="the artifact's path cannot be rendered")
    return spec.model_copy(update={"path": str(path)})


def _verify_entry(entry: Mapping[str, Any], scope: Mapping[str, Any]) -> VerifyEntry:
    name = next(key for key in entry if key != "required")
    config = _rendered(entry[name], scope, what=f"the config of the verifier {name} cannot be rendered")
    return VerifyEntry(name, config, required=bool(entry.get("required", True)))


def _leftover_groups(claim: Claim) -> tuple[int, ...]:
    """What earlier attempts have started on this host."""
    if claim.number == 1:
        return ()
    earlier = Attempt.objects.filter(step_id=claim.step_id, host=claim.claimant.host)
    groups = retry_on_disconnect(lambda: list(earlier.values_list("process_group", flat=True)))
    return tuple(group for group in groups if group is not None)
