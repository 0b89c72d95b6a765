"""The page of one run: its head, its steps, what they write, what happened, what they leave."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Length
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from pulser.engine.states import StepStatus
from pulser.language.limits import MIB
from runs.live.shown import log_chunks, run_context, step_contexts
from runs.models import Artifact, Event, LogChunk, Run
from runs.views.access import PageRequest, signed_in
from runs.views.answers import page

LOG_SHOWN = 1 * MIB  # bytes of output that a page opens with; what comes later is added
CHUNKS_SHOWN = 2_000  # pieces of output, however small
EVENTS_SHOWN = 200  # a page opens with the last ones, a button brings earlier ones
CUSTODIES_SHOWN = 50  # running steps whose leases are kept true on an open page


@signed_in
def run_page(request: PageRequest, run_id: UUID) -> HttpResponse:
    events, earlier_than = _last_events(run_id)
    log, log_is_cut = _last_output(run_id)
    # Read after its events: the page may show more than `seen_seq` says and never less, and the socket sends the rest.
    run = _find(request, run_id)
    return page(
        request,
        "runs/run.html",
        shown_steps=step_contexts(run),
        artifacts=_artifacts(run),
        events=events,
        earlier_than=earlier_than,
        log=log,
        log_is_cut=log_is_cut,
        seen_seq=events[-1].seq if events else 0,
        seen_log=log[-1].pk if log else 0,
        **run_context(run),
    )


@signed_in
def earlier_events(request: PageRequest, run_id: UUID) -> HttpResponse:
    """The events before `?before=SEQ`, for the button that asks for them."""
    run, before = _find(request, run_id), request.GET.get("before", "")
    seq = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else 1
    events, earlier_than = _last_events(run.pk, before=seq)
    return render(request, "runs/_events.html", {"run": run, "events": events, "earlier_than": earlier_than})


@signed_in
def artifacts(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find(request, run_id)
    return render(request, "runs/_artifacts.html", {"run": run, "artifacts": _artifacts(run)})


@signed_in
def custody(request: PageRequest, run_id: UUID) -> HttpResponse:
    """Who must act next, to be swapped in place: leases move on without an event."""
    context = run_context(_find(request, run_id))
    running = [step.key for step in context["steps"] if step.status == StepStatus.RUNNING][:CUSTODIES_SHOWN]
    return render(request, "runs/_custodies.html", {**context, "shown_steps": step_contexts(context["run"], running)})


def _find(request: PageRequest, run_id: UUID) -> Run:
    runs = Run.objects.visible_to(request.actor).with_context().select_related("parent").prefetch_related("children")
    return get_object_or_404(runs, pk=run_id)


def _last_events(run_id: UUID, *, before: int | None = None) -> tuple[list[Event], int | None]:
    """The last events up to there in order, and the seq before which there are more."""
    events = Event.objects.filter(run=run_id)
    events = events.up_to(before - 1) if before else events
    shown = list(events.in_order().reverse()[:EVENTS_SHOWN])[::-1]
    has_more = bool(shown) and shown[0].seq > 1
    return shown, shown[0].seq if has_more else None


def _last_output(run_id: UUID) -> tuple[list[LogChunk], bool]:
    """The last megabyte of output, oldest first, and whether there was more. Sizes come first: a log may be huge."""
    newest = log_chunks(run_id).reverse().annotate(size=Length("data")).values_list("pk", "size", "settled")
    kept: list[int] = []
    room = LOG_SHOWN
    for pk, size, settled in newest[: CHUNKS_SHOWN + 1]:
        if not settled:  # what others may still precede comes by the socket, in its order
            kept, room = [], LOG_SHOWN
        elif room <= 0 or len(kept) == CHUNKS_SHOWN:
            return _chunks(run_id, kept), True
        else:
            kept.append(pk)
            room -= size
    return _chunks(run_id, kept), False


def _chunks(run_id: UUID, newest_first: list[int]) -> list[LogChunk]:
    if not newest_first:
        return []
    return list(log_chunks(run_id, after=newest_first[-1] - 1).filter(pk__lte=newest_first[0]))


def _artifacts(run: Run) -> list[Artifact]:
    return list(run.artifacts.select_related("step"))
