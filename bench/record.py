"""What the database has recorded of runs: figures are made of these times, so looking late adds nothing to them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

LONGEST_S = 300.0
LOOK_S = 0.005  # between two looks at a single run

OPEN = "SELECT count(*) FROM runs_run WHERE id = ANY(%s::uuid[]) AND finished_at IS NULL"
ENDED = """
SELECT id::text, status, extract(epoch FROM created_at)::float8, extract(epoch FROM finished_at)::float8
FROM runs_run WHERE id = ANY(%s::uuid[]) ORDER BY id
"""


class Ended(NamedTuple):
    """A run that is over; times in seconds since 1970, by the database's clock, which is this machine's."""

    id: str
    status: str
    created: float
    finished: float

    @property
    def duration(self) -> float:
        return self.finished - self.created


class Record:
    """A connection of the bench's own."""

    def __init__(self, database_url: str) -> None:
        self.connection = psycopg.connect(database_url, autocommit=True, application_name="bench")

    def close(self) -> None:
        self.connection.close()

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, values).fetchall()

    def ended(self, ids: Sequence[str], *, look_s: float = LOOK_S, status: str = "success") -> list[Ended]:
        """Wait until these runs are over. Raises SystemExit when one ends otherwise, or does not end."""
        deadline = time.monotonic() + LONGEST_S
        while self.rows(OPEN, [list(ids)])[0][0]:
            if time.monotonic() > deadline:
                raise SystemExit(f"runs did not end within {LONGEST_S:.0f} s")
            time.sleep(look_s)  # between two looks
        found = [Ended(*row) for row in self.rows(ENDED, [list(ids)])]
        for run in found:
            if run.status != status:
                raise SystemExit(f"run {run.id} ended in {run.status}, not in {status}")
        return found

    def outputs(self, run_id: str) -> list[Any]:
        """The `result` of each step, in plan order."""
        found = self.rows("SELECT outputs -> 'result' FROM runs_step WHERE run_id = %s ORDER BY position", [run_id])
        return [result for (result,) in found]
