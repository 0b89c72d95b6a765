"""The runboard: lanes side by side, and in each the newest runs as cards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from pulser.engine.states import RunStatus
from runs.live.shown import BOARD_RUNS_PER_LANE, board_cards, board_runs
from runs.models import Lane, Run, Session
from runs.views.access import PageRequest, for_viewers
from runs.views.answers import page

TALLY_ORDER = (
    RunStatus.RUNNING,
    RunStatus.WAITING,
    RunStatus.QUEUED,
    RunStatus.ERROR,
    RunStatus.CANCELLED,
    RunStatus.SUCCESS,
)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many runs have this status."""

    status: str
    count: int


@dataclass(frozen=True, slots=True)
class Column:
    """A lane with its load, and the cards in it, newest first."""

    lane: Lane
    cards: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the board is narrowed to; kept in the URL."""

    session: Session | None
    archived: bool

    @property
    def query(self) -> str:
        """As a query string, empty or with its question mark."""
        asked = ({"session": self.session.pk} if self.session else {}) | ({"archived": 1} if self.archived else {})
        return f"?{urlencode(asked)}" if asked else ""


@for_viewers
def board(request: PageRequest) -> HttpResponse:
    filters = _filters(request)
    runs = board_runs(request.actor, filters.session, archived=filters.archived)
    return page(
        request,
        "runs/board.html",
        here="board",
        columns=_columns(_lanes(request), cards=board_cards(runs)),
        tally=_tally(request, filters),
        sessions=Session.objects.visible_to(request.actor).active(),
        session=filters.session,
        show_archived=filters.archived,
        is_narrowed=filters.session is not None,
        live_query=filters.query,
        lane_limit=BOARD_RUNS_PER_LANE,
    )


@for_viewers
def board_counts(request: PageRequest) -> HttpResponse:
    """The heads of the lanes and the tally, to be swapped in place."""
    context = {"columns": _columns(_lanes(request)), "tally": _tally(request, _filters(request))}
    return render(request, "runs/_board_counts.html", context)


def _filters(request: PageRequest) -> Filters:
    """Raises Http404 for a session that is not there."""
    asked = request.GET.get("session", "")
    sessions = Session.objects.visible_to(request.actor)
    session = get_object_or_404(sessions, pk=int(asked)) if _is_id(asked) else None
    return Filters(session=session, archived=request.GET.get("archived") == "1")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18  # more does not fit a bigint


def _lanes(request: PageRequest) -> Sequence[Lane]:
    return list(Lane.objects.visible_to(request.actor).with_load())


def _columns(lanes: Iterable[Lane], *, cards: Iterable[dict[str, Any]] = ()) -> list[Column]:
    columns = {lane.pk: Column(lane) for lane in lanes}
    for card in cards:
        columns[card["run"].lane_id].cards.append(card)
    return list(columns.values())


def _tally(request: PageRequest, filters: Filters) -> list[Tally]:
    runs = Run.objects.visible_to(request.actor)
    runs = runs if filters.archived else runs.active()
    runs = runs.in_session(filters.session.pk) if filters.session else runs
    counts = dict(runs.order_by().values_list("status").annotate(number=Count("*")))
    return [Tally(status, counts[status]) for status in TALLY_ORDER if status in counts]
