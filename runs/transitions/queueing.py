"""How a run begins to exist: the run, its steps and its first event, in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from uuid_utils.compat import uuid7

from pulser.engine.graph import Graph
from runs import hints
from runs.events import entry
from runs.models.session import DEFAULT_SESSION
from runs.signals import work_ready


@dataclass(frozen=True, slots=True)
class Delivery:
    """The call of a hook that starts the run; it is kept together with it."""

    hook_id: int
    key: str
    headers: Mapping[str, str]
    body: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Birth:
    """Everything that is known of a run before it exists; the params are checked already.

    `lane_id` wins over the name `lane`. No session is the default one. `backlog`: so many runs may be queued at most.
    """

    version_id: int
    number: int
    params: Mapping[str, Any]
    title: str
    environment: str
    priority: int
    trigger: str
    actor: str
    backlog: int
    lane: str
    lane_id: int | None = None
    session_id: int | None = None
    parent_id: str | None = None
    correlation_id: str = ""
    idempotency_scope: str = ""
    idempotency_key: str = ""
    request_digest: str = ""
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of it. Without `created_at` there is no run: no such place, too many queued, or the key is taken."""

    run_id: str
    created_at: datetime | None
    lane_id: int | None
    lane: str | None
    session_id: int | None
    is_full: bool


QUEUE = """
WITH place AS (
    SELECT l.id AS lane_id, l.name AS lane, s.id AS session_id FROM runs_lane l, runs_session s
    WHERE CASE WHEN %(lane_id)s::bigint IS NULL THEN l.name = %(lane)s ELSE l.id = %(lane_id)s::bigint END
      AND s.archived_at IS NULL
      AND s.id = coalesce(%(session_id)s::bigint, (SELECT id FROM runs_session WHERE name = %(default_session)s))
), backlog AS (
    SELECT count(*) >= %(backlog)s::int AS is_full
    FROM (SELECT FROM runs_run WHERE status = 'queued' LIMIT %(backlog)s::int) AS waiting
), born AS (
    INSERT INTO runs_run (id, title, session_id, lane_id, plan_version_id, params, environment, priority, status,
                          retry_count, seq, reason, trigger, actor, parent_id, correlation_id, idempotency_scope,
                          idempotency_key, request_digest, cancel_count, stop)
    SELECT %(run_id)s::uuid, %(title)s, session_id, lane_id, %(version_id)s::bigint, %(params)s::jsonb,
           %(environment)s, %(priority)s::int, 'queued', 0, 1, '', %(trigger)s, %(actor)s, %(parent_id)s::uuid,
           %(correlation_id)s, %(idempotency_scope)s, %(idempotency_key)s, %(request_digest)s, 0, ''
    FROM place, backlog WHERE NOT is_full
    ON CONFLICT (idempotency_scope, idempotency_key) WHERE NOT (idempotency_key = '') DO NOTHING
    RETURNING id, created_at
), steps AS (
    INSERT INTO runs_step (run_id, key, position, is_finally, needs, open_needs, status, reason, cause, attempt,
                           budget_from, lost, wait_kind, wait_role, wait_message, on_timeout)
    SELECT born.id, key, position, is_finally, string_to_array(needs, ','), open_needs, 'pending', '', '', 0, 0,
           0, '', '', '', ''
    FROM born, unnest(%(keys)s::text[], %(positions)s::int[], %(finals)s::bool[], %(needs)s::text[],
                      %(open_needs)s::int[]) AS v(key, position, is_finally, needs, open_needs)
), told AS (
    INSERT INTO runs_event (run_id, seq, kind, step, attempt, data, at)
    SELECT born.id, 1, %(kind)s, '', NULL, %(data)s::jsonb || jsonb_build_object('lane', place.lane), clock_timestamp()
    FROM born, place
), delivered AS (
    INSERT INTO runs_delivery (hook_id, run_id, key, headers, body, status)
    SELECT %(hook_id)s::bigint, born.id, %(delivery_key)s, %(headers)s::jsonb, %(body)s::bytea, %(answer)s::int
    FROM born WHERE %(hook_id)s::bigint IS NOT NULL
)
SELECT born.created_at, place.lane_id, place.lane, place.session_id, backlog.is_full
FROM backlog LEFT JOIN place ON true LEFT JOIN born ON true
"""


def queue_run(birth: Birth, graph: Graph) -> Queued:
    """Create the run, and wake a worker for it after commit."""
    run_id = str(uuid7())
    with connection.cursor() as cursor:
        cursor.execute(QUEUE, _values(birth, graph, run_id=run_id))
        queued = Queued(run_id, *cursor.fetchone())
    if queued.created_at is not None:
        transaction.on_commit(partial(work_ready.send, Birth, run_id=run_id, count=1))
        hints.publish_on_commit(run_id, seq=1)
    return queued


def _values(birth: Birth, graph: Graph, *, run_id: str) -> dict[str, Any]:
    told = entry(
        "run.queued",
        title=birth.title,
        plan=graph.plan.slug,
        version=birth.number,
        environment=birth.environment,
        trigger=birth.trigger,
        by=birth.actor,
        steps=list(graph.nodes),
    )
    known = {field.name: getattr(birth, field.name) for field in fields(birth) if field.name != "delivery"}
    made = {"run_id": run_id, "params": json.dumps(birth.params), "default_session": DEFAULT_SESSION}
    said = {"kind": told.kind, "data": json.dumps(told.data)}
    return known | made | said | _step_columns(graph) | _delivery_columns(birth)


def _step_columns(graph: Graph) -> dict[str, list[Any]]:
    nodes = graph.nodes.values()
    return {
        "keys": [node.step.id for node in nodes],
        "positions": [node.position for node in nodes],
        "finals": [node.is_finally for node in nodes],
        "needs": [",".join(node.step.needs) for node in nodes],
        "open_needs": [len(node.step.needs) for node in nodes],
    }


def _delivery_columns(birth: Birth) -> dict[str, Any]:
    kept = birth.delivery or Delivery(hook_id=0, key="", headers={}, body=b"", status=0)
    return {
        "hook_id": kept.hook_id or None,
        "delivery_key": kept.key,
        "headers": json.dumps(dict(kept.headers)),
        "body": kept.body,
        "answer": kept.status,
    }
