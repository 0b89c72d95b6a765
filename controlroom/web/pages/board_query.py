"""What a board is asked for: which view of which runs, read from a URL and written back to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from pulser.language.limits import ID_MAX
from pulser.language.numbers import whole_number
from runs.queries.lists.filters import Query, RunFilters, read_filters

VIEWS: Mapping[str, str] = {"lanes": "Lanes", "table": "Table", "timeline": "Timeline"}
RANGES: Mapping[str, timedelta] = {"1h": timedelta(hours=1), "6h": timedelta(hours=6), "24h": timedelta(days=1)}
ALL = RunFilters()
WORD_CHARS = 50  # of an unknown word that is repeated


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """A view, and the filters that every view shares; `range` is how far a timeline goes back.

    `saved`: the id of the saved view that it began as, so that its tab can tell what has changed since. `problems`:
    views and ranges that do not exist. The default is shown in their place; the filters have problems of their own,
    with which nothing is.
    """

    filters: RunFilters = ALL
    view: str = "lanes"
    range: str = "1h"
    saved: str = ""
    problems: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """As a query string, always the same for the same board, however it began."""
        return urlencode(self.pairs())

    def pairs(self) -> list[tuple[str, str]]:
        """Names and values as they stand in a URL."""
        own = [("view", self.view), *([("range", self.range)] if self.view == "timeline" else [])]
        return [*own, *self.filters.pairs()]

    @property
    def url(self) -> str:
        return f"{reverse('board')}?{self.query}" + (f"&saved={self.saved}" if self.saved else "")

    def showing(self, filters: RunFilters) -> BoardQuery:
        """The same view of other runs."""
        return replace(self, filters=filters)

    def seen_as(self, **changes: Any) -> BoardQuery:
        """The same runs in another view or range."""
        return replace(self, **changes)


def read_board_query(query: Query) -> BoardQuery:
    """The board of a URL. Never raises."""
    problems: list[str] = []
    return BoardQuery(
        filters=read_filters(query),
        view=_word(query, "view", known=VIEWS, problems=problems),
        range=_word(query, "range", known=RANGES, problems=problems),
        saved=_id_text(query, "saved"),
        problems=tuple(problems),
    )


def _id_text(query: Query, name: str) -> str:
    """An id as it stands in the URL; empty for anything else."""
    text = next(iter(query.getlist(name)[-1:]), "")
    return text if whole_number(text, at_most=ID_MAX) is not None else ""


def _word(query: Query, name: str, *, known: Mapping[str, Any], problems: list[str]) -> str:
    """One of the known words, the first of them for none."""
    word = next(iter(query.getlist(name)[-1:]), "")
    if word in known:
        return word
    if word:
        problems.append(f"unknown {name} “{word[:WORD_CHARS]}”: choose one of {', '.join(known)}")
    return next(iter(known))
