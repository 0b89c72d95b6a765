"""What an open board fetches: counts and heads of lanes, further runs, the values of a filter, a fresh timeline."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render

from controlroom.web.pages.access import PageRequest, for_viewers
from controlroom.web.pages.board import Column, board_lanes, more_of
from controlroom.web.pages.board_query import BoardQuery, read_board_query
from controlroom.web.pages.filter_bar import MENUS, choices, hidden_pairs, narrowed_by, status_pills
from controlroom.web.pages.responses import render_page
from controlroom.web.pages.timeline import timeline_context
from controlroom.web.presenters.cards import board_cards
from pulser.engine.states import RunStatus
from runs.models import Lane, Run
from runs.queries.lists import counts
from runs.queries.lists.board import BOARD_RUNS_PER_LANE, board_runs, cursor_after, table_page
from runs.queries.lists.filters import Q_CHARS
from runs.queries.waiting_reasons import capacity_of, waiting_reasons_by_run


@for_viewers
def board_counts(request: PageRequest) -> HttpResponse:
    """Pills, heads of lanes, and why what is queued does not run: to be swapped in place."""
    asked = read_board_query(request.GET)
    lanes = board_lanes(request, asked)
    room = capacity_of(lanes)
    queued = asked.filters.having("status", RunStatus.QUEUED.value)
    is_asked_for = not asked.filters.status or RunStatus.QUEUED.value in asked.filters.status
    runs = list(board_runs(request.actor, queued)) if is_asked_for and asked.view != "timeline" else []
    context = {
        "asked": asked,
        "columns": [Column(lane) for lane in lanes],
        "pills": status_pills(asked, counts.by_status(request.actor, asked.filters)),
        "has_workers": room.has_workers,
        "reasons": waiting_reasons_by_run(runs, {}, room=room),
    }
    return render(request, "runs/_board_counts.html", context)


@for_viewers
def board_more(request: PageRequest) -> HttpResponse:
    """Cards of one lane, or rows of the table, after those that are shown."""
    asked = read_board_query(request.GET)
    return _more_rows(request, asked) if asked.view == "table" else _more_cards(request, asked)


def _more_rows(request: PageRequest, asked: BoardQuery) -> HttpResponse:
    found = table_page(request.actor, asked.filters, after=request.GET.get("after", ""))
    more = f"{asked.query}&after={found.next}" if found.next else ""
    context = {"cards": board_cards(found.runs), "more": more, "problem": found.problem}
    return render(request, "runs/_more_rows.html", context)


def _more_cards(request: PageRequest, asked: BoardQuery) -> HttpResponse:
    """Below a run that is named, in the lane that is filtered by."""
    lane = get_object_or_404(Lane.objects.visible_to(request.actor), name__in=asked.filters.lane[:1])
    last = get_object_or_404(Run.objects.visible_to(request.actor), pk=_id(request.GET.get("below", "")))
    after = cursor_after(last, asked.filters)
    found = table_page(request.actor, asked.filters, after=after, limit=BOARD_RUNS_PER_LANE)
    cards = board_cards(found.runs)
    more = more_of(lane, cards, asked=asked) if found.next else ""
    context = {"cards": cards, "more": more, "problem": found.problem, "lane": lane, "cards_id": Column(lane).cards_id}
    return render(request, "runs/_more_cards.html", context)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


@for_viewers
def board_values(request: PageRequest, name: str) -> HttpResponse:
    """The values of one filter with their counts: what a menu shows when it opens; without htmx, a page."""
    if name not in MENUS:
        raise Http404
    asked = read_board_query(request.GET)
    find = request.GET.get("find", "").replace("\0", "")[:Q_CHARS]
    context: dict[str, Any] = {
        "asked": asked,
        "choices": choices(request.actor, asked.filters, name=name, find=find),
        "hidden": hidden_pairs(asked, but=narrowed_by(name)),
        "label": MENUS[name],
    }
    if request.htmx:
        return render(request, "runs/_filter_values.html", context)
    return render_page(request, "runs/filter_values.html", here="board", **context)


@for_viewers
def board_timeline(request: PageRequest) -> HttpResponse:
    """The timeline as it is now."""
    asked = read_board_query(request.GET)
    context = timeline_context(request.actor, asked, lanes=board_lanes(request, asked))
    return render(request, "runs/_timeline.html", {"asked": asked} | context)
