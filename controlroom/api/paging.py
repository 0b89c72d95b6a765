"""Lists by pages: a cursor names the last item given, and is bound to the list and the filters it was given for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Field, Schema

from controlroom.http.problems import invalid_at
from pulser.language import limits
from runs.queries.lists.cursors import CURSOR_CHARS, BadCursor, read_cursor, seal_of, write_cursor

T = TypeVar("T", bound=Model)


class PageQuery(Schema):
    """The query of every list."""

    cursor: str | None = Field(None, max_length=CURSOR_CHARS, description="`next` of the previous page")
    limit: int = Field(limits.PAGE_DEFAULT, ge=1, le=limits.PAGE_MAX, description="Items per page")


@dataclass(frozen=True, slots=True)
class ListOrder:
    """What a list is sorted by; together the fields are unique. Newest first unless `descending` is False."""

    fields: tuple[str, ...] = ("pk",)
    descending: bool = True

    @property
    def names(self) -> list[str]:
        return [f"-{field}" if self.descending else field for field in self.fields]

    def beyond(self, position: list[Any]) -> Q:
        """What comes after an item with these values."""
        comparison = "lt" if self.descending else "gt"
        found = Q()
        for index, field in enumerate(self.fields):
            same = dict(zip(self.fields[:index], position[:index], strict=True))
            found |= Q(**same, **{f"{field}__{comparison}": position[index]})
        return found


NEWEST = ListOrder()


def paginate(
    queryset: QuerySet[T], query: PageQuery, *, order: ListOrder = NEWEST, bound_to: Mapping[str, Any] | None = None
) -> tuple[list[T], str | None]:
    """The items of one page and the cursor of the next, None after the last.

    `bound_to`: the list's name and its filters; a cursor of another list or other filters is refused (InvalidRequest).
    """
    place = PagePosition(query, seal_of(queryset.model.__name__, bound_to or {}), order)
    if place.position is not None:
        queryset = queryset.filter(order.beyond(place.position))
    return place.page(list(queryset.order_by(*order.names)[: query.limit + 1]))


class PagePosition:
    """Where in a list a query goes on: `position` has the values of the last item given, None at the start.

    Raises InvalidRequest for a cursor of another list or other filters.
    """

    def __init__(self, query: PageQuery, seal: str, order: ListOrder) -> None:
        self._query, self._seal, self._order = query, seal, order
        self.position = self._read(query.cursor) if query.cursor is not None else None

    def _read(self, cursor: str) -> list[Any]:
        try:
            return read_cursor(cursor, self._seal, length=len(self._order.fields))
        except BadCursor as error:
            raise invalid_at("query.cursor", str(error)) from error

    def page(self, items: list[T]) -> tuple[list[T], str | None]:
        """Of items read from here on, one more than fit if there are, those that fit, and the next cursor."""
        if len(items) <= self._query.limit:
            return items, None
        last = items[self._query.limit - 1]
        values = [getattr(last, field) for field in self._order.fields]
        return items[: self._query.limit], write_cursor(values, self._seal)
