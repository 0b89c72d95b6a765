"""Many runs at once: what the bar at the foot of the board asks for."""

from __future__ import annotations

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from runs.bulk.asking import RUNS_MAX, all_that_match, read_moment, start_for_all, start_for_ticked
from runs.errors import RunError
from runs.events import rfc3339
from runs.views.access import PageRequest, for_operators
from runs.views.answers import refused, verb, with_toast


@for_operators
def all_matching(request: PageRequest) -> HttpResponse:
    """The part of the bar that says that all runs are meant which match the request's query, as of now."""
    try:
        meant = all_that_match(request.actor, request.GET)
    except RunError as error:
        return refused(error)
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
        number = all_that_match(request.actor, request.GET).number
    except RunError as error:
        return refused(error)
    return HttpResponse(f"Select all {min(number, RUNS_MAX):,}{'+' if number > RUNS_MAX else ''} that match")


@verb
def start_bulk(request: PageRequest) -> HttpResponse:
    """Starts the run that does it, to the ticked runs or to all that matched when the bar said so."""
    action, asked_at = request.POST.get("action", ""), request.POST.get("asked_at", "")
    if asked_at:
        all_of_them = all_that_match(
            request.actor, QueryDict(request.POST.get("query", "")), asked_at=read_moment(asked_at)
        )
        bulk = start_for_all(
            request.actor, action, all_of_them=all_of_them, shown=_number(request.POST.get("shown", ""))
        )
    else:
        bulk = start_for_ticked(request.actor, action, runs=request.POST.getlist("run"))
    address = reverse("run", args=[bulk.pk])
    response = with_toast(HttpResponse(status=204), f"{bulk.title}: under way", href=address, link="Watch it")
    response["HX-Trigger"] = "bulk-started"
    return response


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
