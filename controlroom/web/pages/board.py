"""The runboard: one set of filters over three views, lanes side by side, a table and a timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers

from controlroom.web.pages.access import PageRequest, current_url, for_viewers
from controlroom.web.pages.board_query import RANGES, VIEWS, BoardQuery, read_board_query
from controlroom.web.pages.filter_bar import (
    active_pills,
    hidden_pairs,
    menus,
    session_names,
    status_pills,
    unknown_values,
)
from controlroom.web.pages.responses import render_page
from controlroom.web.pages.tabs import default_address, tabs_of, without_deleted_view
from controlroom.web.pages.timeline import timeline_context
from controlroom.web.presenters.cards import board_cards
from runs.models import Lane
from runs.queries.lists import counts
from runs.queries.lists.board import BOARD_RUNS_PER_LANE, board_runs, table_page
from runs.queries.lists.filters import RunFilters
from runs.queries.waiting_reasons import capacity_of

FIND = "find"  # the id of the search form


@dataclass(frozen=True, slots=True)
class Column:
    """A lane with its load, the cards in it, newest first, the query of what comes below them, and a table of it."""

    lane: Lane
    cards: list[dict[str, Any]] = field(default_factory=list)
    more: str = ""
    table_url: str = ""

    @property
    def cards_id(self) -> str:
        return f"cards-{self.lane.pk}"


@for_viewers
def board(request: PageRequest) -> HttpResponse:
    """The page; for htmx, what changes of it when the filters do."""
    if address := default_address(request):
        return redirect(address)
    asked = without_deleted_view(read_board_query(request.GET))
    context = board_context(request, asked)
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, "runs/_board_answer.html", context)
        _tell_address(request, response, asked)
    else:
        response = render_page(request, "runs/board.html", here="board", **context)
    patch_vary_headers(response, ["HX-Request"])  # a browser that goes back must not take the piece for the page
    return response


def _tell_address(request: PageRequest, response: HttpResponse, asked: BoardQuery) -> None:
    """The browser's address becomes the board's own. Further letters of a search take the place of the first."""
    before = current_url(request)
    if before == asked.url:
        response["HX-Push-Url"] = "false"
    elif request.htmx.trigger == FIND and "q=" in before:
        response["HX-Replace-Url"] = asked.url
    else:
        response["HX-Push-Url"] = asked.url


def board_context(request: PageRequest, asked: BoardQuery) -> dict[str, Any]:
    """Everything that the board's templates show."""
    lanes = board_lanes(request, asked)
    return bar_context(request, asked) | _content(request, asked, lanes)


def board_lanes(request: PageRequest, asked: BoardQuery) -> Sequence[Lane]:
    """The lanes with their load; those alone that are filtered by, where any is."""
    lanes = Lane.objects.visible_to(request.actor).with_load().with_queue()
    return list(lanes.filter(name__in=asked.filters.lane) if asked.filters.lane else lanes)


def bar_context(request: PageRequest, asked: BoardQuery) -> dict[str, Any]:
    """The filter bar, and what was wrong with what was asked for."""
    sessions = session_names(request.actor, asked.filters)
    active = active_pills(asked, sessions)
    return {
        "asked": asked,
        "tabs": tabs_of(request, asked),
        "filters": asked.filters,
        "views": [(name, label, asked.seen_as(view=name).url) for name, label in VIEWS.items()],
        "ranges": [(name, asked.seen_as(range=name).url) for name in RANGES],
        "pills": status_pills(asked, counts.by_status(request.actor, asked.filters)),
        "menus": menus(asked.filters),
        "active": active,
        "hidden": hidden_pairs(asked, but=["q"]),
        "archived_pairs": _archived_pairs(asked),
        "clear_url": asked.showing(RunFilters(archived=asked.filters.archived)).url,
        "problems": [*asked.problems, *asked.filters.problems, *unknown_values(asked.filters, sessions)],
        "is_search_stale": _searched(request) != asked.filters.q,
        "lane_limit": BOARD_RUNS_PER_LANE,
    }


def _searched(request: PageRequest) -> str:
    """What the browser's search field stands for. It is sent anew only when a link changed that: typing goes on."""
    address = urlsplit(current_url(request))
    return QueryDict(address.query).get("q", "") if request.htmx.trigger != FIND else request.GET.get("q", "").strip()


def _archived_pairs(asked: BoardQuery) -> list[tuple[str, str]]:
    """With archived runs, or without them when they are shown."""
    return hidden_pairs(asked.showing(replace(asked.filters, archived=not asked.filters.archived)))


def _content(request: PageRequest, asked: BoardQuery, lanes: Sequence[Lane]) -> dict[str, Any]:
    room = capacity_of(lanes)
    known: dict[str, Any] = {"has_workers": room.has_workers}
    if asked.view == "timeline":
        return known | timeline_context(request.actor, asked, lanes=lanes)
    if asked.view == "table":
        rows = table_page(request.actor, asked.filters, after=request.GET.get("after", ""))
        more = f"{asked.query}&after={rows.next}" if rows.next else ""
        return known | {"cards": board_cards(rows.runs, room=room), "next": more, "cursor_problem": rows.problem}
    cards = board_cards(board_runs(request.actor, asked.filters), room=room)
    return known | {"columns": _columns(lanes, cards, asked)}


def _columns(lanes: Sequence[Lane], cards: list[dict[str, Any]], asked: BoardQuery) -> list[Column]:
    by_lane: dict[int, list[dict[str, Any]]] = {lane.pk: [] for lane in lanes}
    for card in cards:
        by_lane.get(card["run"].lane_id, []).append(card)
    return [
        Column(
            lane,
            by_lane[lane.pk],
            more=more_of(lane, by_lane[lane.pk], asked=asked),
            table_url=asked.showing(asked.filters.having("lane", lane.name)).seen_as(view="table").url,
        )
        for lane in lanes
    ]


def more_of(lane: Lane, cards: list[dict[str, Any]], *, asked: BoardQuery) -> str:
    """The query of the lane's cards below these; empty when there can be no more.

    It names the last run instead of a cursor: signatures are the one thing on a board that cannot be compressed.
    """
    if len(cards) < BOARD_RUNS_PER_LANE:
        return ""
    return f"{asked.showing(asked.filters.having('lane', lane.name)).query}&below={cards[-1]['run'].pk}"
