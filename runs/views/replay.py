"""A run as it was: its page, the pieces of it that differ between moments, and the marks of the slider."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from runs.live.body import body_context, read_view
from runs.live.moment import read_moment
from runs.logs.pane import log_pane
from runs.logs.scope import Scope
from runs.replay.listing import last_events
from runs.replay.past import Past
from runs.views.access import PageRequest, signed_in
from runs.views.answers import page
from runs.views.moments import files_of, find_run, past_at, slider_context, told_as_of

KEPT_S = 600  # what is past does not change; a slider that is drawn to and fro asks once
EVENTS_AFTER = 50  # that are listed behind the one that is looked at


@signed_in
def run_at(request: PageRequest, run_id: UUID, seq: int) -> HttpResponse:
    """What differs between moments, to be swapped in: the event, head, first cause, map, steps, artifacts."""
    past = past_at(find_run(request, run_id), seq)
    moment = past.moment
    with told_as_of(past):
        context = {
            "past": past,
            "artifacts": files_of(past.run, past),
            **body_context(moment, read_view(request.GET, moment)),
        }
        answer = render(request, "runs/_run_pieces.html", context)
    answer["Cache-Control"] = f"private, max-age={KEPT_S}"
    return answer


@signed_in
def run_now(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The same pieces as they are now, for the way back."""
    run = find_run(request, run_id)
    moment = read_moment(run)
    context = {"artifacts": files_of(run), **body_context(moment, read_view(request.GET, moment))}
    return render(request, "runs/_run_pieces.html", context)


@signed_in
def run_ticks(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The marks alone: a run that goes on gets more of them."""
    run = find_run(request, run_id)
    return render(request, "runs/_ticks.html", {"run": run, **slider_context(run)})


def past_page(request: PageRequest, past: Past) -> HttpResponse:
    """The page of a run as of an event: what a shared link shows."""
    run = past.run
    listing = last_events(run.pk, before=min(past.seq + EVENTS_AFTER, past.last) + 1)
    moment = past.moment
    with told_as_of(past):
        return page(
            request,
            "runs/run.html",
            past=past,
            artifacts=files_of(run, past),
            seen_seq=listing.events[-1].seq,
            **listing.context,
            **slider_context(run, last=past.last),
            **log_pane(run, Scope(run.pk, until=past.event.at)),
            **body_context(moment, read_view(request.GET, moment)),
        )
