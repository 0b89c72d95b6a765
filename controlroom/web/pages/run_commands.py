"""The buttons: each verb has its own url, asks one move, and answers with the piece of the page that was pressed."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse

from controlroom.http.toasts import with_toast
from controlroom.web.pages import inbox
from controlroom.web.pages.access import PageRequest, current_url
from controlroom.web.pages.responses import command_view, short_title
from controlroom.web.presenters.cards import card_context
from controlroom.web.presenters.run_page import run_context
from pulser.language import limits
from runs import commands
from runs.errors import MoveRefused
from runs.models import Run
from runs.queries.inbox import how_decided


@command_view
def retry(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find_run(request, run_id)
    commands.retry(str(run.pk), actor=request.actor)
    return with_toast(_rendered_piece(request, run_id), f"{short_title(run)} retried")


@command_view
def cancel(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find_run(request, run_id)
    commands.cancel(str(run.pk), actor=request.actor)
    return with_toast(_rendered_piece(request, run_id), f"{short_title(run)}: cancel requested")


@command_view
def archive(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find_run(request, run_id)
    commands.archive(str(run.pk), actor=request.actor)
    return with_toast(
        _rendered_piece(request, run_id), f"{short_title(run)} archived", undo=reverse("unarchive_run", args=[run.pk])
    )


@command_view
def unarchive(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find_run(request, run_id)
    commands.unarchive(str(run.pk), actor=request.actor)
    return with_toast(_rendered_piece(request, run_id), f"{short_title(run)} unarchived")


@command_view
def approve(request: PageRequest, run_id: UUID, key: str) -> HttpResponse:
    run = _find_run(request, run_id)
    asked = _question(run, key)
    _decide(commands.approve, request, run, key=key)
    return with_toast(_rendered_piece(request, run_id), f"Approved {asked}")


@command_view
def reject(request: PageRequest, run_id: UUID, key: str) -> HttpResponse:
    run = _find_run(request, run_id)
    asked = _question(run, key)
    _decide(commands.reject, request, run, key=key)
    return with_toast(_rendered_piece(request, run_id), f"Rejected {asked}")


def _question(run: Run, key: str) -> str:
    """What is asked, in quotes, as much of it as a toast has room for; read before the decision, which clears it."""
    asked = run.steps.filter(key=key).values_list("wait_message", flat=True).first()
    return f'"{short_title(asked)}"' if asked else key


def _decide(move: Callable[..., None], request: PageRequest, run: Run, *, key: str) -> None:
    """Raises NotFound, Forbidden, MoveRefused; the last says who was faster, where somebody was."""
    try:
        move(str(run.pk), key, actor=request.actor, comment=_comment(request))
    except MoveRefused as error:
        raise MoveRefused(how_decided(run, key) or error.message) from error


def _find_run(request: PageRequest, run_id: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.actor).with_context(), pk=run_id)


def _rendered_piece(request: PageRequest, run_id: UUID) -> HttpResponse:
    """What the button stood in, as it is now: the head on the run's page, the inbox, else the card or row."""
    run = _find_run(request, run_id)
    if request.htmx.target == "inbox":
        return inbox.answer_list(request)
    if request.htmx.target == "run-head":
        return HttpResponse(render_to_string("runs/_run_head.html", run_context(run)))
    is_row = "view=table" in current_url(request)
    return HttpResponse(render_to_string("runs/_row.html" if is_row else "runs/_card.html", card_context(run)))


def _comment(request: PageRequest) -> str:
    return request.POST.get("comment", "").replace("\0", "").strip()[: limits.COMMENT_CHARS]
