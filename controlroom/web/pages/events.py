"""What happened to a run: its events as a list with a filter, and each one as it is kept."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from controlroom.web.pages.access import PageRequest, signed_in
from controlroom.web.pages.run_at_event import find_run
from pulser.language.limits import NUMBER_MAX
from pulser.language.numbers import whole_number
from runs.models import Event
from runs.queries.replay.listing import last_events, read_filter


@signed_in
def events(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The last ones that pass `?group=&step=&text=`, of those before `?before=SEQ`."""
    run, before = find_run(request, run_id), request.GET.get("before", "")
    seq = whole_number(before, at_most=NUMBER_MAX)
    known = 1 if seq is None else seq
    listing = last_events(run.pk, read_filter(request.GET), before=known if before else None)
    return render(request, "runs/_events.html", {"run": run, **listing.context})


@signed_in
def event_data(request: PageRequest, run_id: UUID, seq: int) -> HttpResponse:
    """One event with all its data."""
    event = get_object_or_404(Event, run=find_run(request, run_id), seq=seq if seq <= NUMBER_MAX else 0)
    return render(request, "runs/_event_data.html", {"event": event})
