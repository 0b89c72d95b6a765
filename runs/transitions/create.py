"""How a run begins to exist: the run, its steps and its first event, in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from uuid_utils.compat import uuid7

from pulser.engine.graph import Graph
from runs import hints
from runs.events import entry, event_values
from runs.models.session import DEFAULT_SESSION
from runs.signals import work_ready
from runs.sql import rows
from runs.transitions.sql.creation import CREATE_RUN, CreatedRow


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """The call of a hook that starts the run; it is kept together with it."""

    hook_id: int
    key: str
    headers: Mapping[str, str]
    body: bytes
    status: int


@dataclass(frozen=True, slots=True)
class NewRun:
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
    delivery: HookDelivery | None = None


@dataclass(frozen=True, slots=True)
class CreateResult:
    """What became of it. Without `created_at` there is no run: no such place, too many queued, or the key is taken."""

    run_id: str
    created_at: datetime | None
    lane_id: int | None
    lane: str | None
    session_id: int | None
    is_full: bool


def create_run(new: NewRun, graph: Graph) -> CreateResult:
    """Create the run, and wake a worker for it after commit."""
    run_id = str(uuid7())
    (row,) = rows(CREATE_RUN, _create_run_params(new, graph, run_id=run_id), as_=CreatedRow)
    if row.created_at is not None:
        transaction.on_commit(partial(work_ready.send, NewRun, run_id=run_id, count=1))
        hints.publish_on_commit(run_id, seq=1)
    return CreateResult(run_id, **row._asdict())


def _create_run_params(new: NewRun, graph: Graph, *, run_id: str) -> dict[str, Any]:
    told = entry(
        "run.queued",
        title=new.title,
        plan=graph.plan.slug,
        version=new.number,
        environment=new.environment,
        trigger=new.trigger,
        by=new.actor,
        steps=list(graph.nodes),
    )
    known = {field.name: getattr(new, field.name) for field in fields(new) if field.name != "delivery"}
    made = {"run_id": run_id, "params": json.dumps(new.params), "default_session": DEFAULT_SESSION}
    return known | made | event_values([told]) | _step_columns(graph) | _delivery_columns(new)


def _step_columns(graph: Graph) -> dict[str, list[Any]]:
    nodes = graph.nodes.values()
    return {
        "keys": [node.step.id for node in nodes],
        "positions": [node.position for node in nodes],
        "finals": [node.is_finally for node in nodes],
        "needs": [",".join(node.step.needs) for node in nodes],
        "open_needs": [len(node.step.needs) for node in nodes],
    }


def _delivery_columns(new: NewRun) -> dict[str, Any]:
    delivery = new.delivery or HookDelivery(hook_id=0, key="", headers={}, body=b"", status=0)
    return {
        "hook_id": delivery.hook_id or None,
        "delivery_key": delivery.key,
        "headers": json.dumps(dict(delivery.headers)),
        "body": delivery.body,
        "answer": delivery.status,
    }
