"""Hooks: a POST by another program starts a run of the hook's plan. What came is kept, with what became of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from controlroom.api.auth import require
from controlroom.api.body import JSON_TYPES, KEY_CHARS, bounded_body, idempotency, object_of, require_type
from controlroom.api.openapi import KEY_PARAMETER, answers
from controlroom.api.schemas import RunOut
from controlroom.api.signatures import is_genuine, is_signed
from controlroom.api.wire import answer_started
from controlroom.http.callers import bearer_secret
from controlroom.http.problems import NotSignedIn, status_of
from pulser.language import limits
from pulser.models import Plan, PlanVersion
from runs.accounts.actors import NOBODY, OPERATOR, Actor
from runs.accounts.callers import caller_of_token
from runs.accounts.models import ApiToken
from runs.commands.start import Idempotency, Started, start_run
from runs.errors import NotThere, RunError
from runs.models import Delivery, Hook, Lane, Run, Session
from runs.models.hook import Door, knock
from runs.models.known import known
from runs.transitions.create import HookDelivery

router = Router(tags=["hooks"], by_alias=True)

KEY_HEADERS = ("Idempotency-Key", "webhook-id", "X-GitHub-Delivery")
KEPT_HEADERS = ("Content-Type", "User-Agent", "X-GitHub-Event", "X-GitHub-Delivery", "webhook-id", "webhook-timestamp")
DOCUMENTED = {
    "security": [{"Bearer": []}, {}],
    "parameters": [
        KEY_PARAMETER,
        *(
            {"in": "header", "name": name, "required": False, "schema": {"type": "string"}, "description": text}
            for name, text in (
                ("X-Hub-Signature-256", "`sha256=` and the HMAC-SHA256 of the raw body, in hex"),
                ("webhook-id", "Standard Webhooks; makes a repeat answer with the first run as well"),
                ("webhook-timestamp", "Standard Webhooks: seconds since 1970, at most five minutes off"),
                ("webhook-signature", "Standard Webhooks: `v1,` and the HMAC-SHA256 of `id.timestamp.body`, in base64"),
            )
        ),
    ],
    "requestBody": {
        "required": False,
        "description": "The params of the run",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}


@router.post(
    "/{slug}",
    auth=None,  # a signature does as well as a token, and it needs the body
    response={200: RunOut, **answers(RunOut, 404, 413, 415, 422, 429, status=202)},
    openapi_extra=DOCUMENTED,
)
def deliver(request: HttpRequest, slug: str) -> HttpResponse:
    """Start a run. 202 with the run; a repeat of the same delivery answers 200 with the first one."""
    secret = bearer_secret(request)
    if secret is None and not is_signed(request.headers):
        raise NotSignedIn
    token, door = knock(slug, secret=secret or "")
    if secret is not None:
        actor = _bearer(token)
        body = bounded_body(request, limit=limits.HOOK_BYTES)
    else:
        body = bounded_body(request, limit=limits.HOOK_BYTES)
        actor = _signer(request, door, body)
    door = door or _door_of_plan(slug)
    if not door.is_open:
        raise NotThere(f"the hook {slug[:100]} is not in use")
    return _handle(request, door, body=body, actor=actor)


def _bearer(token: ApiToken | None) -> Actor:
    """Raises NotSignedIn, Forbidden."""
    actor = caller_of_token(token).actor
    if actor is NOBODY:
        raise NotSignedIn
    require(actor, OPERATOR)
    return actor


def _signer(request: HttpRequest, door: Door | None, body: bytes) -> Actor:
    """Whoever knows the hook's secret may start its plan. An unknown hook looks the same as a wrong signature."""
    if door is None or not is_genuine(request.headers, body, secret=door.secret):
        raise NotSignedIn("the signature does not fit the body and the hook's secret")
    return Actor(f"hook {door.slug}", frozenset({OPERATOR}))


def _door_of_plan(slug: str) -> Door:
    """Every plan has a hook of its slug; its row is made at the first call. Raises NotThere."""
    plan = Plan.objects.active().filter(slug=slug).first()
    if plan is None:
        raise NotThere(f"there is no hook or plan {slug[:100]}")
    Hook.objects.get_or_create(slug=slug, defaults={"plan": plan})
    _, door = knock(slug, secret="")
    assert door is not None
    return door


def _handle(request: HttpRequest, door: Door, *, body: bytes, actor: Actor) -> HttpResponse:
    """Start the run, and keep the delivery whatever became of it."""
    try:
        require_type(request, body, types=JSON_TYPES)
        key = idempotency(request, scope=f"hook:{door.slug}", body=body, headers=KEY_HEADERS)
        delivery = _delivery(request, door, body, status=202)
        started = _start(door, params=object_of(body), actor=actor, key=key, delivery=delivery)
    except RunError as error:
        _keep(_delivery(request, door, body, status=status_of(error)))
        raise
    if not started.created:
        _keep(_delivery(request, door, body, status=200), run=started.run)
    return answer_started(started, status=202)


def _start(
    door: Door, *, params: dict[str, Any], actor: Actor, key: Idempotency | None, delivery: HookDelivery
) -> Started:
    version = known(PlanVersion, id=door.version_id, number=door.number, plan_id=door.plan_id)
    version.plan = known(Plan, id=door.plan_id, slug=door.plan)
    return start_run(
        version,
        params=params,
        actor=actor,
        trigger="hook",
        lane=known(Lane, id=door.lane_id) if door.lane_id else None,
        session=known(Session, id=door.session_id) if door.session_id else None,
        idempotency=key,
        delivery=delivery,
    )


def _delivery(request: HttpRequest, door: Door, body: bytes, *, status: int) -> HookDelivery:
    """Only headers that we know to be harmless: the others may hold secrets of any name."""
    headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
    key = next((request.headers[name] for name in KEY_HEADERS if request.headers.get(name)), "")
    return HookDelivery(door.hook_id, key[:KEY_CHARS], headers, body, status)


def _keep(delivery: HookDelivery, *, run: Run | None = None) -> None:
    Delivery.objects.create(
        hook_id=delivery.hook_id,
        run=run,
        key=delivery.key,
        headers=dict(delivery.headers),
        body=delivery.body,
        status=delivery.status,
    )
