"""The log of a run: its page, any of its lines, what is found in it, and the whole of it as a file."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render

from controlroom.web.pages.access import PageRequest, signed_in
from controlroom.web.pages.responses import render_page
from controlroom.web.presenters.log_pane import log_lines, log_pane
from pulser.language.limits import LOG_PLACE_MAX, NUMBER_MAX
from pulser.language.numbers import whole_number
from runs.models import Event, Run
from runs.queries.lists.filters import as_moment
from runs.queries.logs.lines import PAGE_LINES, read_page
from runs.queries.logs.raw import raw_log
from runs.queries.logs.scope import LogScope
from runs.queries.logs.search import SearchResult, first_error, search


@signed_in
def log_page(request: PageRequest, run_id: UUID) -> HttpResponse:
    run = _find_run(request, run_id)
    return render_page(request, "runs/log.html", run=run, seen_seq=run.seq, **log_pane(run, _asked_scope(request, run)))


@signed_in
def lines(request: PageRequest, run_id: UUID) -> HttpResponse:
    """`?from=LINE&count=200`: these lines; without `from` the last ones."""
    run = _find_run(request, run_id)
    scope, count = _asked_scope(request, run), _asked_number(request, "count")
    found = read_page(scope, first=_asked_number(request, "from"), count=PAGE_LINES if count is None else count)
    return render(request, "runs/_log_lines.html", log_lines(run, scope, page=found))


@signed_in
def find(request: PageRequest, run_id: UUID) -> JsonResponse:
    """`?q=TEXT`: the lines that have it."""
    return _found(search(_asked_scope(request, _find_run(request, run_id)), request.GET.get("q", "")))


@signed_in
def find_error(request: PageRequest, run_id: UUID) -> JsonResponse:
    """The line to look at first when something went wrong: one match, or none when no line speaks of it."""
    return _found(first_error(_asked_scope(request, _find_run(request, run_id))))


def _found(found: SearchResult) -> JsonResponse:
    matches = [match._asdict() for match in found.matches]
    return JsonResponse(
        {"matches": matches, "is_capped": found.is_capped, "stopped_at": found.stopped_at, "of": found.of}
    )


@signed_in
def download(request: PageRequest, run_id: UUID) -> StreamingHttpResponse:
    """The bytes themselves, as a file and never as a page."""
    run = _find_run(request, run_id)
    scope = _asked_scope(request, run)
    response = StreamingHttpResponse(raw_log(scope.chunks()), content_type="text/plain; charset=utf-8")
    name = "-".join(["run", run.short_id, *filter(None, [scope.step]), *map(str, filter(None, [scope.attempt]))])
    response["Content-Disposition"] = f'attachment; filename="{name}.log"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _find_run(request: PageRequest, run_id: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.actor).with_context(), pk=run_id)


def _asked_scope(request: PageRequest, run: Run) -> LogScope:
    """What `step`, `attempt` and `until` ask for. Raises Http404 for a step that the run does not have."""
    step = request.GET.get("step", "")
    if step:
        get_object_or_404(run.steps, key=step.replace("\0", ""))
    attempt = _asked_number(request, "attempt", at_most=NUMBER_MAX) if step else None
    return LogScope(run.pk, step=step, attempt=attempt, until=_asked_until(request, run))


def _asked_until(request: PageRequest, run: Run) -> datetime | None:
    """A moment, or the number of an event."""
    text = request.GET.get("until", "")
    if not text:
        return None
    seq = whole_number(text, at_most=NUMBER_MAX)
    if seq is not None:
        return get_object_or_404(Event, run=run, seq=seq).at
    moment = as_moment(text.replace(" ", "+"))  # a plus that was not quoted
    if moment is None:
        raise BadRequest("until: expected a time like 2026-01-31T12:00:00Z or the number of an event")
    return moment


def _asked_number(request: PageRequest, name: str, *, at_most: int = LOG_PLACE_MAX) -> int | None:
    """The number of that name; None for anything else."""
    return whole_number(request.GET.get(name, ""), at_most=at_most)
