"""The page of one run: its head, its steps, what they write, what happened, what they leave."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render

from controlroom.web.pages.access import PageRequest, signed_in
from controlroom.web.pages.replay import past_page
from controlroom.web.pages.responses import render_page
from controlroom.web.pages.run_at_event import (
    files_of,
    find_run,
    moment_now,
    requested_past,
    slider_context,
    times_as_of,
)
from controlroom.web.presenters.log_pane import log_pane
from controlroom.web.presenters.run_page import head_context, map_context, read_map_options, run_body_context, step_rows
from controlroom.web.presenters.step_details import step_body_context
from pulser.engine.states import StepStatus
from pulser.language.limits import NUMBER_MAX
from pulser.language.numbers import whole_number
from runs.queries.replay.listing import last_events
from runs.queries.replay.past_run import past_step_details as opened_then
from runs.queries.run_snapshot import read_run_snapshot, read_step_details

CUSTODIES_SHOWN = 50  # running steps whose leases are kept true on an open page


@signed_in
def run_page(request: PageRequest, run_id: UUID) -> HttpResponse:
    if past := requested_past(request, run_id):
        return past_page(request, past)
    listing = last_events(run_id)
    # Read after its events: the page may show more than `seen_seq` says and never less, and the socket sends the rest.
    moment = moment_now(request, run := find_run(request, run_id))
    return render_page(
        request,
        "runs/run.html",
        artifacts=files_of(run),
        seen_seq=listing.events[-1].seq if listing.events else 0,
        **listing.context,
        **slider_context(run),
        **log_pane(run),
        **run_body_context(moment, read_map_options(request.GET, moment)),
    )


@signed_in
def run_map(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The graph (`?map=graph&unfold=KEY,KEY`) or the waterfall (`?map=waterfall&idle=open`), as of `?at=SEQ`."""
    past = requested_past(request, run_id)
    moment = past.moment if past else moment_now(request, find_run(request, run_id))
    with times_as_of(past):
        return render(request, "runs/_map.html", map_context(moment, read_map_options(request.GET, moment)))


@signed_in
def run_step(request: PageRequest, run_id: UUID, key: str) -> HttpResponse:
    """What a step shows once it is opened, with its attempt `?attempt=NUMBER`; a page of its own without htmx."""
    past = requested_past(request, run_id, keys=[key])
    moment = past.moment if past else read_run_snapshot(find_run(request, run_id), keys=[key])
    opened = opened_then(past, key) if past else read_step_details(moment, key)
    if opened is None:
        raise Http404
    context = step_body_context(moment, opened, number=whole_number(request.GET.get("attempt", ""), at_most=NUMBER_MAX))
    with times_as_of(past):
        if request.htmx:
            return render(request, "runs/_step_body.html", context)
        return render_page(request, "runs/step.html", **context)


@signed_in
def custody(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Who must act next, to be swapped in place: leases move on without an event.

    `?custody=KEY` for each that the page shows, empty for the run's own: what it does not show has no place to go.
    """
    shown = set(request.GET.getlist("custody"))
    moment = read_run_snapshot(find_run(request, run_id), keys=())
    running = [step.key for step in moment.steps if step.status == StepStatus.RUNNING and step.key in shown]
    rows = step_rows(moment, running[:CUSTODIES_SHOWN])
    context = {**head_context(moment), "rows": rows, "is_headed": "" in shown and not moment.run.is_finished}
    return render(request, "runs/_custodies.html", context)
