"""Lists by pages: a cursor names the last item given, and is bound to the list and the filters it was given for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from ninja import Field, Schema

from pulser.language import limits
from runs.api.problems import unfit

T = TypeVar("T", bound=Model)
CURSOR_CHARS = 500


class Paged(Schema):
    """The query of every list."""

    cursor: str | None = Field(None, max_length=CURSOR_CHARS, description="`next` of the page before")
    limit: int = Field(limits.PAGE_DEFAULT, ge=1, le=limits.PAGE_MAX, description="Items of a page")


@dataclass(frozen=True, slots=True)
class Order:
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


NEWEST = Order()


def page(
    queryset: QuerySet[T], query: Paged, *, order: Order = NEWEST, bound_to: Mapping[str, Any] | None = None
) -> tuple[list[T], str | None]:
    """The items of one page and the cursor of the next, None after the last.

    `bound_to`: the list's name and its filters; a cursor of another list or other filters is refused (Unfit).
    """
    seal = _seal(queryset.model.__name__, bound_to or {})
    if query.cursor is not None:
        queryset = queryset.filter(order.beyond(_position(query.cursor, seal, len(order.fields))))
    items = list(queryset.order_by(*order.names)[: query.limit + 1])
    if len(items) <= query.limit:
        return items, None
    last = items[query.limit - 1]
    return items[: query.limit], _cursor([_plain(getattr(last, field)) for field in order.fields], seal)


def _seal(name: str, filters: Mapping[str, Any]) -> str:
    text = json.dumps([name, filters], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)


def _cursor(position: list[Any], seal: str) -> str:
    return _signer().sign_object([seal, *position])


def _position(cursor: str, seal: str, length: int) -> list[Any]:
    """Values come back only from a cursor that we signed, so they need no further check."""
    try:
        given, *position = _signer().unsign_object(cursor)
    except (BadSignature, ValueError, UnicodeError) as error:
        raise unfit("query.cursor", "this is no cursor: take `next` of the page before as it is") from error
    if given != seal or len(position) != length:
        raise unfit("query.cursor", "this cursor belongs to another list or other filters: start without a cursor")
    return list(position)


def _signer() -> Signer:
    return Signer(salt="runs.api.paging")
