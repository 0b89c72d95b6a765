"""Hooks: a POST by another program starts a run of the hook's plan."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from controlroom.api.hook_callers import authenticate
from controlroom.api.hook_deliveries import ACCEPTED, accept
from controlroom.api.openapi import KEY_PARAMETER, documented_responses
from controlroom.api.responses import started_run_response
from controlroom.api.schemas import RunOut
from pulser.models import Plan
from runs.errors import NotFound
from runs.models import Hook
from runs.models.hook import HookTarget, lookup_hook

router = Router(tags=["hooks"], by_alias=True)

DOCUMENTED = {
    "security": [{"Bearer": []}, {}],
    "parameters": [
        KEY_PARAMETER,
        *(
            {"in": "header", "name": name, "required": False, "schema": {"type": "string"}, "description": text}
            for name, text in (
                ("X-Hub-Signature-256", "`sha256=` and the HMAC-SHA256 of the raw body, in hex"),
                ("webhook-id", "Standard Webhooks; a repeat returns the first run"),
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
    response={200: RunOut, **documented_responses(RunOut, 404, 413, 415, 422, 429, status=202)},
    openapi_extra=DOCUMENTED,
)
def receive_hook(request: HttpRequest, slug: str) -> HttpResponse:
    """Start a run. 202 with the run; a repeat of the same delivery returns 200 with the first run."""
    call = authenticate(request, slug)
    target = call.target or _hook_of_plan(slug)
    if not target.is_enabled:
        raise NotFound(f"hook {slug[:100]} is disabled")
    started = accept(request, target, actor=call.actor, body=call.body)
    return started_run_response(started, actor=call.actor, status=ACCEPTED)


def _hook_of_plan(slug: str) -> HookTarget:
    """Every plan has a hook of its slug; its row is made at the first call. Raises NotFound."""
    plan = Plan.objects.active().filter(slug=slug).first()
    if plan is None:
        raise NotFound(f"hook or plan {slug[:100]} not found")
    Hook.objects.get_or_create(slug=slug, defaults={"plan": plan})
    _, target = lookup_hook(slug, secret="")
    assert target is not None
    return target
