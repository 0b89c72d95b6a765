"""What differs between two moments of a run, so that a slider that moves on is sent that alone.

Of the moments that were told lately a print of each step is kept: a number that tells whether it looks the same. Where
the moment that a page shows is not among them, the page is sent everything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from threading import Lock
from typing import Any
from uuid import UUID

from runs.models import Attempt
from runs.queries.replay.past_run import STEP_FIELDS

PRINTS_KEPT = 16  # moments; a thousand steps take 0.1 MB

RowHashes = Mapping[str, int]

_lock = Lock()
_told: OrderedDict[tuple[UUID, int], RowHashes] = OrderedDict()


def changed_since(run_id: UUID, shown: int, *, now: int, rows: Collection[Mapping[str, Any]]) -> set[str] | None:
    """The keys of the steps whose rows differ from those of event `shown`; None where these are no longer known.

    `rows`: those of event `now`, as templates get them. They are kept for the next time.
    """
    prints = {row["step"].key: row_hash(row) for row in rows}
    with _lock:
        before = _told.get((run_id, shown))
        _told[run_id, now] = prints
        _told.move_to_end((run_id, now))
        while len(_told) > PRINTS_KEPT:
            _told.popitem(last=False)
    return None if before is None else {key for key, seen in prints.items() if before.get(key) != seen}


def row_hash(row: Mapping[str, Any]) -> int:
    """The same number for what looks the same. What has not ended tells how long it takes, so it never does."""
    told = tuple(getattr(row["step"], name) for name in STEP_FIELDS)
    return hash((told, _tries(row["attempts"], at=row["at"]), row["is_first_failure"], row["because"]))


def _tries(attempts: Sequence[Attempt], *, at: int | None) -> tuple[object, ...]:
    return tuple((one.number, one.finished_at or at) for one in attempts)
