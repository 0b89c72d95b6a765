"""That there is more output, and whose: browsers fetch the lines that they show."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from django.db.models import F

from runs.queries.logs.scope import LogScope

CHUNKS_READ = 2_000  # at most, in one reading; their output is not read


class NewOutput(NamedTuple):
    """An attempt wrote, last the chunk `pk`."""

    pk: int
    step: str
    attempt: int


def new_log_output(run_id: str, *, after: int) -> tuple[list[NewOutput], bool, bool]:
    """Who wrote beyond chunk `after`, in the order of their last chunks; whether there is more that can be read; and
    whether there is a chunk that is not settled yet.
    """
    chunks = LogScope(UUID(run_id)).chunks().filter(pk__gt=after)
    rows = chunks.values_list("pk", "attempt__step__key", "attempt__number", F("settled"))[: CHUNKS_READ + 1]
    last: dict[tuple[str, int], int] = {}
    for read, (pk, step, attempt, is_settled) in enumerate(rows):
        if read == CHUNKS_READ or not is_settled:
            return _in_order(last), is_settled, not is_settled
        last[step, attempt] = pk
    return _in_order(last), False, False


def _in_order(last: dict[tuple[str, int], int]) -> list[NewOutput]:
    return sorted(NewOutput(pk, step, attempt) for (step, attempt), pk in last.items())
