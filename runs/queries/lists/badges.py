"""Live counts of many lists of runs at once, as the badges of views show them: up to 99, and within bounded time."""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from runs.accounts.actors import Actor
from runs.queries.lists.filters import RunFilters
from runs.queries.lists.newest import count_each

COUNTED = 99  # of one list; beyond these it is "99+"
PATIENCE_S = 2.0  # for one query, and for all of them: a badge is not worth more of the database's time


def badges(actor: Actor, lists: Mapping[str, RunFilters]) -> dict[str, str]:
    """By key how many runs pass: `0` to `99`, `99+`, or nothing when it took too long to count.

    Lists that search titles take a query each and come last; one query counts all others.
    """
    ends_at = time.monotonic() + PATIENCE_S
    found = dict.fromkeys(lists, "")
    plain = {key: filters for key, filters in lists.items() if not filters.q}
    for some in (plain, *({key: filters} for key, filters in lists.items() if filters.q)):
        if time.monotonic() < ends_at:
            found |= _counted(actor, some)
    return found


def _counted(actor: Actor, lists: Mapping[str, RunFilters]) -> dict[str, str]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {round(PATIENCE_S * 1000)}")
            return {key: _badge_text(number) for key, number in count_each(actor, lists, limit=COUNTED + 1).items()}
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return {}
        raise


def _badge_text(number: int) -> str:
    return f"{COUNTED}+" if number > COUNTED else str(number)
