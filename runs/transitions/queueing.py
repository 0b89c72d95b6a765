"""How a run begins to exist: the run, its steps and its first event, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uuid_utils.compat import uuid7

from pulser.engine.graph import Graph
from pulser.models import PlanVersion
from runs.models import Lane, Session
from runs.transitions.turn import Turn, rows


@dataclass(frozen=True, slots=True)
class Birth:
    """Everything that is known of a run before it exists; the params are checked already."""

    version: PlanVersion
    lane: Lane
    session: Session
    params: Mapping[str, Any]
    title: str
    environment: str
    priority: int
    trigger: str
    actor: str
    parent_id: str | None = None
    correlation_id: str = ""
    idempotency_scope: str = ""
    idempotency_key: str = ""
    request_digest: str = ""


INSERT_RUN = """
INSERT INTO runs_run (id, title, session_id, lane_id, plan_version_id, params, environment, priority, status,
                      retry_count, seq, reason, trigger, actor, parent_id, correlation_id, idempotency_scope,
                      idempotency_key, request_digest, cancel_count, stop)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'queued', 0, 0, '', %s, %s, %s, %s, %s, %s, %s, 0, '')
ON CONFLICT (idempotency_scope, idempotency_key) WHERE NOT (idempotency_key = '') DO NOTHING
RETURNING created_at
"""
INSERT_STEPS = """
INSERT INTO runs_step (run_id, key, position, is_finally, needs, open_needs, status, reason, cause, attempt,
                       budget_from, lost, wait_kind, wait_role, wait_message, on_timeout)
SELECT %s, key, position, is_finally, string_to_array(needs, ','), open_needs, 'pending', '', '', 0, 0,
       0, '', '', '', ''
FROM unnest(%s::text[], %s::int[], %s::bool[], %s::text[], %s::int[])
     AS v(key, position, is_finally, needs, open_needs)
"""


def queue_run(birth: Birth, graph: Graph) -> str | None:
    """Create the run; returns its id, or None when its idempotency key is taken. The caller opens the transaction."""
    run_id = str(uuid7())
    values = [
        *(run_id, birth.title, birth.session.pk, birth.lane.pk, birth.version.pk, json.dumps(birth.params)),
        *(birth.environment, birth.priority, birth.trigger, birth.actor, birth.parent_id, birth.correlation_id),
        *(birth.idempotency_scope, birth.idempotency_key, birth.request_digest),
    ]
    if not rows(INSERT_RUN, values):
        return None
    _insert_steps(run_id, graph)
    locked = Turn(
        run_id=run_id,
        status="queued",
        seq=0,
        lane_id=birth.lane.pk,
        version_id=birth.version.pk,
        params=dict(birth.params),
        environment=birth.environment,
        title=birth.title,
        stop="",
        cancel_count=0,
        has_started=False,
        is_archived=False,
    )
    locked.emit(
        "run.queued",
        title=birth.title,
        plan=graph.plan.slug,
        version=birth.version.number,
        lane=birth.lane.name,
        environment=birth.environment,
        trigger=birth.trigger,
        by=birth.actor,
        steps=list(graph.nodes),
    )
    locked.save()
    locked.announce()
    return run_id


def _insert_steps(run_id: str, graph: Graph) -> None:
    nodes = graph.nodes.values()
    columns = [
        [node.step.id for node in nodes],
        [node.position for node in nodes],
        [node.is_finally for node in nodes],
        [",".join(node.step.needs) for node in nodes],
        [len(node.step.needs) for node in nodes],
    ]
    rows(INSERT_STEPS, [run_id, *columns])
