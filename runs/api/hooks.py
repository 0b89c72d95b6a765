"""Hooks: a POST by another program starts a run of the hook's plan. What came is kept, with what became of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from pulser.language import limits
from pulser.models import Plan
from runs.actors import NOBODY, OPERATOR, Actor
from runs.api.auth import require
from runs.api.body import JSON_TYPES, KEY_CHARS, bounded_body, idempotency, object_of, require_type
from runs.api.openapi import KEY_PARAMETER, answers
from runs.api.problems import NotSignedIn, status_of
from runs.api.schemas import RunOut
from runs.api.signatures import is_genuine, is_signed
from runs.api.wire import answer_run
from runs.errors import NotThere, RunError
from runs.execution.start import Idempotency, Started, start_run
from runs.live.auth import actor_of_request
from runs.models import Delivery, Hook, Run

router = Router(tags=["hooks"])

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
    actor = _bearer(request)
    body = bounded_body(request, limit=limits.HOOK_BYTES)
    hook = _find(slug)
    if actor is NOBODY:
        actor = _signer(request, hook, body)
    hook = hook or _hook_of_plan(slug)
    if not hook.enabled or hook.plan.archived_at is not None or hook.plan.latest is None:
        raise NotThere(f"the hook {slug[:100]} is not in use")
    return _handle(request, hook, body=body, actor=actor)


def _bearer(request: HttpRequest) -> Actor:
    """The token's actor; NOBODY when the call brings a signature instead. Raises NotSignedIn, Forbidden."""
    has_token = request.headers.get("Authorization", "").lower().startswith("bearer ")  # others belong to a proxy
    if not has_token and is_signed(request.headers):
        return NOBODY
    actor = actor_of_request(request) if has_token else NOBODY
    if actor is NOBODY:
        raise NotSignedIn
    require(actor, OPERATOR)
    return actor


def _find(slug: str) -> Hook | None:
    return Hook.objects.select_related("plan__latest", "lane", "session").filter(slug=slug).first()


def _signer(request: HttpRequest, hook: Hook | None, body: bytes) -> Actor:
    """Whoever knows the hook's secret may start its plan. An unknown hook looks the same as a wrong signature."""
    if hook is None or not is_genuine(request.headers, body, secret=hook.secret):
        raise NotSignedIn("the signature does not fit the body and the hook's secret")
    return Actor(f"hook {hook.slug}", frozenset({OPERATOR}))


def _hook_of_plan(slug: str) -> Hook:
    """Every plan has a hook of its slug; its row is made at the first call. Raises NotThere."""
    plan = Plan.objects.active().with_latest().filter(slug=slug).first()
    if plan is None:
        raise NotThere(f"there is no hook or plan {slug[:100]}")
    hook, _ = Hook.objects.get_or_create(slug=slug, defaults={"plan": plan})
    return hook


def _handle(request: HttpRequest, hook: Hook, *, body: bytes, actor: Actor) -> HttpResponse:
    """Start the run, and keep the delivery whatever became of it."""
    try:
        require_type(request, body, types=JSON_TYPES)
        key = idempotency(request, scope=f"hook:{hook.slug}", body=body, headers=KEY_HEADERS)
        started = _start(hook, params=object_of(body), actor=actor, key=key)
    except RunError as error:
        _keep(request, hook, body, status=status_of(error))
        raise
    status = 202 if started.created else 200
    answer = answer_run(str(started.run.pk), created=started.created, status=status)
    _keep(request, hook, body, status=status, run=started.run)
    return answer


def _start(hook: Hook, *, params: dict[str, Any], actor: Actor, key: Idempotency | None) -> Started:
    assert hook.plan.latest is not None
    return start_run(
        hook.plan.latest,
        params=params,
        actor=actor,
        trigger="hook",
        lane=hook.lane,
        session=hook.session,
        idempotency=key,
    )


def _keep(request: HttpRequest, hook: Hook, body: bytes, *, status: int, run: Run | None = None) -> None:
    """Only headers that we know to be harmless: the others may hold secrets of any name."""
    headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
    key = next((request.headers[name] for name in KEY_HEADERS if request.headers.get(name)), "")
    Delivery.objects.create(hook=hook, run=run, key=key[:KEY_CHARS], headers=headers, body=body, status=status)
