"""The tabs over the board: views that everybody has, one's own, and those that others share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.http import QueryDict

from controlroom.web.pages.access import PageRequest, signed_in_user
from controlroom.web.pages.board_query import BoardQuery, read_board_query
from runs.commands.views import VIEWS_EACH
from runs.models import SavedView
from runs.queries.lists.filters import read_filters

SHARED_SHOWN = 50
GONE = "the saved view was deleted; its filters still apply"

# By their queries, as anybody may write them: what they mean, such as "today", depends on who reads them.
SYSTEM = (
    ("all", "All runs", ""),
    ("running", "Running", "status=running"),
    ("failed", "Failed", "status=error"),
    ("person", "Waiting for a person", "waits_for=person"),
    ("today", "Today", "within=today"),
)


@dataclass(frozen=True, slots=True)
class Tab:
    """A view as a link. `key` names its badge; `saved` is None for those that everybody has."""

    key: str
    name: str
    asked: BoardQuery
    saved: SavedView | None = None
    is_current: bool = False
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Tabs:
    """All tabs, and how the board that is looked at relates to them.

    `base`: the saved view that it began as. `is_modified`: it asks for something else by now.
    """

    asked: BoardQuery
    system: list[Tab]
    saved: list[Tab]
    base: Tab | None
    is_modified: bool

    @property
    def all(self) -> list[Tab]:
        return [*self.system, *self.saved]

    @property
    def may_save(self) -> bool:
        """Something is asked for that has no name yet."""
        is_plain = self.asked.query == BoardQuery().query
        return not is_plain and (self.base is None or self.is_modified)


def tabs_of(request: PageRequest, asked: BoardQuery) -> Tabs:
    """The tabs over a board that shows this."""
    saved = _saved(request)
    base = _base(saved, asked)
    return Tabs(
        asked=asked,
        system=_system(asked, has_base=base is not None),
        saved=[replace(tab, is_current=tab is base) for tab in saved],
        base=base,
        is_modified=base is not None and base.asked.query != asked.query,
    )


def _system(asked: BoardQuery, *, has_base: bool) -> list[Tab]:
    """They keep the layout; only the filters decide which of them is current."""
    bare = replace(asked, saved="", problems=())
    return [
        Tab(key, name, bare.showing(filters), is_current=not has_base and asked.filters == filters)
        for key, name, filters in ((key, name, read_filters(QueryDict(query))) for key, name, query in SYSTEM)
    ]


def _saved(request: PageRequest) -> list[Tab]:
    kept = SavedView.objects.kept().by_name()
    person = signed_in_user(request)
    own = kept.owned_by(person)[:VIEWS_EACH]
    shared = kept.shared_with(person).select_related("owner")[:SHARED_SHOWN]
    return [*_as_tabs(own, is_own=True), *_as_tabs(shared, is_own=False)]


def _as_tabs(views: Iterable[SavedView], *, is_own: bool) -> list[Tab]:
    return [Tab(f"view-{view.pk}", view.name, query_of_view(view), view, is_own=is_own) for view in views]


def query_of_view(view: SavedView) -> BoardQuery:
    """The board of a saved view."""
    return replace(read_board_query(QueryDict(view.query)), saved=str(view.pk))


def _base(saved: list[Tab], asked: BoardQuery) -> Tab | None:
    """The saved view that the URL names, else one that asks for exactly this and for something in particular."""
    named = (tab for tab in saved if tab.asked.saved == asked.saved)
    alike = (tab for tab in saved if tab.asked.query == asked.query and asked.query != BoardQuery().query)
    return next(named, None) or next(alike, None)


def without_deleted_view(asked: BoardQuery) -> BoardQuery:
    """The same board without the saved view that it began as, where that was deleted; with a word on it."""
    if not asked.saved or SavedView.objects.kept().filter(pk=int(asked.saved)).exists():
        return asked
    return replace(asked, saved="", problems=(*asked.problems, GONE))


def default_address(request: PageRequest) -> str:
    """Where the board of somebody who asks for nothing in particular leads; empty when they chose nothing."""
    if request.GET or request.htmx:
        return ""
    chosen = SavedView.objects.kept().owned_by(signed_in_user(request)).filter(is_default=True).first()
    return query_of_view(chosen).url if chosen else ""
