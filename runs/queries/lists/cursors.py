"""Cursors: signed places in a list, bound to the list and the filters that they were given for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.signing import BadSignature, Signer

CURSOR_CHARS = 500


class BadCursor(Exception):
    """What is given is no cursor, or not one of this list."""


def seal_of(name: str, filters: Mapping[str, Any]) -> str:
    """What a cursor of this list with these filters carries."""
    text = json.dumps([name, filters], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_cursor(position: Sequence[Any], seal: str) -> str:
    """Numbers stay numbers, moments become ISO 8601, everything else text."""
    return _signer().sign_object([seal, *map(_plain, position)])


def read_cursor(cursor: str, seal: str, *, length: int) -> list[Any]:
    """The values of the position, which need no further check: only what we signed is read. Raises BadCursor."""
    try:
        given, *position = _signer().unsign_object(cursor)
    except (BadSignature, ValueError, UnicodeError) as error:
        raise BadCursor("invalid cursor: use `next` of the previous page unchanged") from error
    if given != seal or len(position) != length:
        raise BadCursor("the cursor belongs to another list or other filters: start without a cursor")
    return list(position)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)


def _signer() -> Signer:
    return Signer(salt="runs.api.paging")
