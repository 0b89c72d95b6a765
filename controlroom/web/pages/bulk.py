"""Many runs at once: what the bar at the foot of the board asks for, how it ended, and what takes it back."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from controlroom.http.toasts import with_toast
from controlroom.web.pages.access import PageRequest, for_operators
from controlroom.web.pages.responses import command_view, error_toast, short_title
from controlroom.web.presenters.run_page import run_context
from pulser.engine.states import RunStatus
from pulser.language.limits import NUMBER_MAX
from pulser.language.numbers import whole_number
from runs.bulk.selection import RUNS_MAX, read_moment, select_matching, start_for_all, start_for_ticked
from runs.bulk.undo import expected, reverse_action, start_undo
from runs.errors import NotFound, RunError
from runs.events import rfc3339
from runs.models import Run


@for_operators
def all_matching(request: PageRequest) -> HttpResponse:
    """The part of the bar that says that all runs are meant which match the request's query, as of now."""
    try:
        meant = select_matching(request.actor, request.GET)
    except RunError as error:
        return error_toast(error)
    context = {
        "number": min(meant.number, RUNS_MAX),
        "is_too_many": meant.number > RUNS_MAX,
        "query": meant.filters.query,
        "asked_at": rfc3339(meant.asked_at),
        "at_most": RUNS_MAX,
    }
    return render(request, "runs/_bulk_all.html", context)


@for_operators
def count_matching(request: PageRequest) -> HttpResponse:
    """What the button says that selects them all."""
    try:
        number = select_matching(request.actor, request.GET).number
    except RunError as error:
        return error_toast(error)
    return HttpResponse(f"Select all {min(number, RUNS_MAX):,}{'+' if number > RUNS_MAX else ''} that match")


@command_view
def start_bulk(request: PageRequest) -> HttpResponse:
    """Starts the run that does it, to the ticked runs or to all that matched when the bar said so."""
    action, asked_at = request.POST.get("action", ""), request.POST.get("asked_at", "")
    if asked_at:
        all_of_them = select_matching(
            request.actor, QueryDict(request.POST.get("query", "")), asked_at=read_moment(asked_at)
        )
        bulk = start_for_all(
            request.actor,
            action,
            all_of_them=all_of_them,
            shown=whole_number(request.POST.get("shown", ""), at_most=NUMBER_MAX) or 0,
        )
    else:
        bulk = start_for_ticked(request.actor, action, runs=request.POST.getlist("run"))
    response = _under_way(request, bulk)
    response["HX-Trigger"] = "bulk-started"
    return response


def _under_way(request: PageRequest, bulk: Run) -> HttpResponse:
    """A toast that leads to the run, and on the board what waits for its end."""
    response = render(request, "runs/_bulk_watch.html", {"run": bulk})
    return with_toast(response, f"{short_title(bulk)}: running", href=reverse("run", args=[bulk.pk]), link="Show run")


@for_operators
def bulk_end(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Nothing while the work goes on. Then how it ended, as a toast, and an empty answer in the place of who waits."""
    bulk = _find_bulk_run(request, run_id)
    if bulk is None:
        return HttpResponse()
    if not bulk.is_finished:
        return HttpResponse(status=204)
    undo = reverse("undo_bulk", args=[bulk.pk]) if reverse_action(bulk) and expected(bulk) != 0 else ""
    address = reverse("run", args=[bulk.pk])
    response = with_toast(HttpResponse(), _how_it_ended(bulk), undo=undo, href=address, link="Report")
    response["HX-Trigger"] = "board-changed"
    return response


def _how_it_ended(bulk: Run) -> str:
    summary = (bulk.result or {}).get("summary")
    words = {RunStatus.CANCELLED: "cancelled", RunStatus.ERROR: "failed"}.get(RunStatus(bulk.status), "done")
    return f"{short_title(bulk)}: {summary or words}"


@command_view
def undo_bulk(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Starts the run that takes it back; on the page of the work itself, its head is shown anew."""
    bulk = _find_bulk_run(request, run_id)
    if bulk is None:
        raise NotFound("this bulk work was deleted: select the runs and archive or unarchive them")
    undo = start_undo(request.actor, bulk)
    response = _under_way(request, undo)
    if request.htmx.target == "run-head":
        response.content = render(request, "runs/_run_head.html", run_context(bulk)).content
    return response


def _find_bulk_run(request: PageRequest, run_id: UUID) -> Run | None:
    return Run.objects.visible_to(request.actor).with_context().filter(pk=run_id).first()
