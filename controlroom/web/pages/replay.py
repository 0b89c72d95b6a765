"""A run as it was: its page, the pieces of it that differ between moments, and the marks of the slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from controlroom.web.pages.access import PageRequest, signed_in
from controlroom.web.pages.responses import render_page
from controlroom.web.pages.run_at_event import (
    files_of,
    find_run,
    moment_now,
    past_at,
    seq_of,
    slider_context,
    times_as_of,
)
from controlroom.web.presenters.log_pane import log_pane
from controlroom.web.presenters.run_page import read_map_options, run_body_context
from runs.queries.logs.scope import LogScope
from runs.queries.replay.changes import changed_since
from runs.queries.replay.listing import last_events
from runs.queries.replay.past_run import PastRun

KEPT_S = 600  # what is past does not change; a slider that is drawn to and fro asks once
EVENTS_AFTER = 50  # that are listed behind the one that is looked at


@signed_in
def run_at(request: PageRequest, run_id: UUID, seq: int) -> HttpResponse:
    """What differs between moments, to be swapped in: the event, head, first cause, map, steps, artifacts.

    `?shown=SEQ`: the moment that the page shows; of steps and nodes those alone are answered that look otherwise now.
    """
    past = past_at(request, find_run(request, run_id), seq=seq)
    moment = past.moment
    with times_as_of(past):
        context = {
            "past": past,
            "artifacts": files_of(past.run, past),
            **run_body_context(moment, read_map_options(request.GET, moment)),
        }
        changed = changed_since(run_id, seq_of(request.GET.get("shown", "")), now=seq, rows=context["rows"])
        if changed is None:
            answer = render(request, "runs/_run_pieces.html", context)
        else:
            answer = render(request, "runs/_run_changes.html", {**context, **_narrowed(context, changed)})
    answer["Cache-Control"] = f"private, max-age={KEPT_S}"
    return answer


def _narrowed(context: Mapping[str, Any], keys: Set[str]) -> dict[str, Any]:
    """The rows of these steps, and the nodes that stand for one of them."""
    rows = [row for row in context["rows"] if row["step"].key in keys]
    nodes = [node for node in context.get("nodes", ()) if not keys.isdisjoint(_drawn_in(node))]
    return {"rows": rows, "nodes": nodes}


def _drawn_in(node: Mapping[str, Any]) -> Sequence[str]:
    return node["fan"].members if node["fan"] else (node["step"].key,)


@signed_in
def run_now(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The same pieces as they are now, for the way back."""
    run = find_run(request, run_id)
    moment = moment_now(request, run)
    context = {"artifacts": files_of(run), **run_body_context(moment, read_map_options(request.GET, moment))}
    return render(request, "runs/_run_pieces.html", context)


@signed_in
def run_ticks(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The marks alone: a run that goes on gets more of them."""
    run = find_run(request, run_id)
    return render(request, "runs/_ticks.html", {"run": run, **slider_context(run)})


def past_page(request: PageRequest, past: PastRun) -> HttpResponse:
    """The page of a run as of an event: what a shared link shows."""
    run = past.run
    listing = last_events(run.pk, before=min(past.seq + EVENTS_AFTER, past.last) + 1)
    moment = past.moment
    with times_as_of(past):
        return render_page(
            request,
            "runs/run.html",
            past=past,
            artifacts=files_of(run, past),
            seen_seq=listing.events[-1].seq,
            **listing.context,
            **slider_context(run, last=past.last),
            **log_pane(run, LogScope(run.pk, until=past.event.at)),
            **run_body_context(moment, read_map_options(request.GET, moment)),
        )
