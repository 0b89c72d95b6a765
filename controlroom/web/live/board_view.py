"""What a board's socket asks for: its filters, its layout, and which runs it follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.http import QueryDict

from controlroom.web.live.client_messages import one_of
from controlroom.web.live.frames import PARTIALS
from runs.queries.lists.filters import RunFilters, read_filters
from runs.queries.lists.zone import seen_from

ARCHIVED = {"", "0", "1", "false", "true"}


@dataclass(frozen=True, slots=True)
class BoardView:
    """`followed`: the filters by which news are looked at. `is_unclear`: something in the query means nothing."""

    layout: str
    filters: RunFilters
    followed: RunFilters
    is_unclear: bool


def read_board_view(query: QueryDict, *, cookies: Mapping[str, str], wants_events: bool) -> BoardView:
    """The view that a URL asks for. Raises Refusal(MALFORMED) for an unknown layout."""
    layout = one_of(query.get("view", "lanes"), *PARTIALS)
    with seen_from(cookies):
        filters = read_filters(query)
    draws_itself = layout == "timeline"  # which runs it has drawn is known to the page alone
    followed = RunFilters() if draws_itself else filters
    return BoardView(
        layout=layout,
        filters=filters,
        followed=replace(followed, archived=True) if draws_itself or wants_events else followed,
        is_unclear=bool(filters.problems) or query.get("archived", "") not in ARCHIVED,
    )
