"""What a hook does with a call: it starts a run of its plan, and keeps what came, with the answer that it got."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from controlroom.api.request_body import (
    IDEMPOTENCY_KEY_CHARS,
    JSON_TYPES,
    parse_json_object,
    read_idempotency_key,
    require_type,
)
from controlroom.http.problems import status_of
from pulser.models import Plan, PlanVersion
from runs.accounts.actors import Actor
from runs.commands.start import Idempotency, StartResult, start_run
from runs.errors import RunError
from runs.models import Delivery, Lane, Run, Session
from runs.models.hook import HookTarget
from runs.models.partial import partial_instance
from runs.transitions.create import HookDelivery

KEY_HEADERS = ("Idempotency-Key", "webhook-id", "X-GitHub-Delivery")
# Harmless ones: the others may hold secrets of any name.
KEPT_HEADERS = ("Content-Type", "User-Agent", "X-GitHub-Event", "X-GitHub-Delivery", "webhook-id", "webhook-timestamp")
ACCEPTED, REPEATED = 202, 200


def accept(request: HttpRequest, target: HookTarget, *, actor: Actor, body: bytes) -> StartResult:
    """Start the run, and keep the delivery whatever became of it.

    Raises what `start_run` raises, InvalidRequest, UnsupportedMediaType.
    """
    try:
        require_type(request, body, types=JSON_TYPES)
        key = read_idempotency_key(request, scope=f"hook:{target.slug}", body=body, headers=KEY_HEADERS)
        delivery = _delivery_of(request, target, body, status=ACCEPTED)
        started = _start_target(target, params=parse_json_object(body), actor=actor, key=key, delivery=delivery)
    except RunError as error:
        _keep_delivery(_delivery_of(request, target, body, status=status_of(error)))
        raise
    if not started.created:
        _keep_delivery(_delivery_of(request, target, body, status=REPEATED), run=started.run)
    return started


def _delivery_of(request: HttpRequest, target: HookTarget, body: bytes, *, status: int) -> HookDelivery:
    headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
    key = next((request.headers[name] for name in KEY_HEADERS if request.headers.get(name)), "")
    return HookDelivery(target.hook_id, key[:IDEMPOTENCY_KEY_CHARS], headers, body, status)


def _start_target(
    target: HookTarget, *, params: dict[str, Any], actor: Actor, key: Idempotency | None, delivery: HookDelivery
) -> StartResult:
    version = partial_instance(PlanVersion, id=target.version_id, number=target.version_number, plan_id=target.plan_id)
    version.plan = partial_instance(Plan, id=target.plan_id, slug=target.plan_slug)
    return start_run(
        version,
        params=params,
        actor=actor,
        trigger="hook",
        lane=partial_instance(Lane, id=target.lane_id) if target.lane_id else None,
        session=partial_instance(Session, id=target.session_id) if target.session_id else None,
        idempotency=key,
        delivery=delivery,
    )


def _keep_delivery(delivery: HookDelivery, *, run: Run | None = None) -> None:
    """Of a run that is made, the delivery is stored by the same statement; all others are stored here."""
    Delivery.objects.create(
        hook_id=delivery.hook_id,
        run=run,
        key=delivery.key,
        headers=dict(delivery.headers),
        body=delivery.body,
        status=delivery.status,
    )
