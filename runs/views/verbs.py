"""The buttons: each verb has its own url, asks one move, and answers with the piece of the page that was pressed."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse

from pulser.language import limits
from runs import transitions
from runs.live.shown import card_context, run_context
from runs.models import Run
from runs.views.access import PageRequest
from runs.views.answers import verb, with_toast


@verb
def retry(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find(request, run_id)
    transitions.retry(str(run.pk), actor=request.actor)
    return with_toast(_shown(request, run_id), f"{run} runs again")


@verb
def cancel(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find(request, run_id)
    transitions.request_cancel(str(run.pk), actor=request.actor)
    return with_toast(_shown(request, run_id), f"{run} is being cancelled")


@verb
def archive(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find(request, run_id)
    transitions.archive(str(run.pk), actor=request.actor)
    return with_toast(_shown(request, run_id), f"{run} archived", undo=reverse("unarchive_run", args=[run.pk]))


@verb
def unarchive(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find(request, run_id)
    transitions.unarchive(str(run.pk), actor=request.actor)
    return with_toast(_shown(request, run_id), f"{run} is on the board again")


@verb
def approve(request: PageRequest, run_id: UUID, key: str) -> HttpResponse:
    run = _find(request, run_id)
    transitions.approve(str(run.pk), key, actor=request.actor, comment=_comment(request))
    return with_toast(_shown(request, run_id), f"{key} approved")


@verb
def reject(request: PageRequest, run_id: UUID, key: str) -> HttpResponse:
    run = _find(request, run_id)
    transitions.reject(str(run.pk), key, actor=request.actor, comment=_comment(request))
    return with_toast(_shown(request, run_id), f"{key} rejected")


def _find(request: PageRequest, run_id: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.actor).with_context(), pk=run_id)


def _shown(request: PageRequest, run_id: UUID) -> HttpResponse:
    """What the button stood in, as it is now: the head on the run's page, else the card."""
    run = _find(request, run_id)
    if request.htmx.target == "run-head":
        return HttpResponse(render_to_string("runs/_run_head.html", run_context(run)))
    return HttpResponse(render_to_string("runs/_card.html", card_context(run)))


def _comment(request: PageRequest) -> str:
    return request.POST.get("comment", "").replace("\0", "").strip()[: limits.COMMENT_CHARS]
