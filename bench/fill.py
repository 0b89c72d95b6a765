"""Fills the database with ended runs: copies of real ones, spread over the last 90 days.

A run that the control room has done is copied with all that belongs to it, so the copies are as real as the first, and
fold to their rows. Foreign keys are not checked while that is done: the rows that they point to are copied as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

BATCH = 50_000  # runs in one transaction
DAYS = 90
OPENING = (
    "SET session_replication_role = replica",  # no foreign key triggers; asks for a superuser, as ours is
    "SET synchronous_commit = off",
    "SET work_mem = '64MB'",
)

# The copies of a batch: id, age in front of the original, the id of the first step, and which lane.
PLACES = """
CREATE TEMPORARY TABLE place ON COMMIT DROP AS
SELECT uuidv7(-age) AS id, age, lane, %(first_step)s + (n - %(start)s) * %(steps)s AS first_step
FROM (SELECT n, (%(total)s - n) * interval '1 second' * (%(days)s * 86400.0 / %(total)s) AS age,
             (SELECT id FROM runs_lane ORDER BY id OFFSET n %% (SELECT count(*) FROM runs_lane) LIMIT 1) AS lane
      FROM generate_series(%(start)s::int, %(start)s::int + %(count)s::int - 1) AS n) AS numbered
"""
RESERVE = (
    "SELECT setval(pg_get_serial_sequence('runs_step', 'id'), nextval(pg_get_serial_sequence('runs_step', 'id')) + %s)"
)
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position
"""
POSITION_OF_STEP = "place.first_step + (SELECT position FROM runs_step WHERE id = t.step_id)"

# Which rows belong to the run, and which of their columns differ in a copy. None: the database fills it in.
Changes = Mapping[str, str | None]
TABLES: Mapping[str, tuple[str, Changes]] = {
    "runs_run": ("t.id = %(run)s", {"id": "place.id", "lane_id": "place.lane"}),
    "runs_step": ("t.run_id = %(run)s", {"id": "place.first_step + t.position", "run_id": "place.id"}),
    "runs_attempt": (
        "t.step_id IN (SELECT id FROM runs_step WHERE run_id = %(run)s)",
        {"id": None, "step_id": POSITION_OF_STEP},
    ),
    "runs_event": ("t.run_id = %(run)s", {"run_id": "place.id"}),
    "runs_delivery": ("t.run_id = %(run)s", {"id": None, "run_id": "place.id"}),
}


def fill(connection: psycopg.Connection, shares: Mapping[str, int]) -> None:
    """Store so many copies of each of these ended runs. The connection commits by itself."""
    for statement in OPENING:
        connection.execute(statement)
    for run_id, total in shares.items():
        for start in range(0, total, BATCH):
            with connection.transaction():
                _store(connection, run_id, start=start, count=min(BATCH, total - start), total=total)
    for statement in ("RESET session_replication_role", "RESET synchronous_commit", "RESET work_mem"):
        connection.execute(statement)
    connection.execute("VACUUM ANALYZE")


def _store(connection: psycopg.Connection, run_id: str, *, start: int, count: int, total: int) -> None:
    (steps,) = connection.execute("SELECT count(*) FROM runs_step WHERE run_id = %s", [run_id]).fetchone() or (0,)
    (last,) = connection.execute(RESERVE, [steps * count]).fetchone() or (0,)
    values = {"start": start, "count": count, "total": total, "steps": steps, "days": DAYS}
    connection.execute(PLACES, values | {"first_step": last - steps * count + 1})
    for table, (which, changes) in TABLES.items():
        connection.execute(_copy(connection, table, which=which, changes=changes), {"run": run_id})


def _copy(connection: psycopg.Connection, table: str, *, which: str, changes: Changes) -> str:
    """Every column as it is, times moved by the copy's age, but for the changes."""
    columns = {
        name: changes.get(name, f't."{name}" - place.age' if "timestamp" in kind else f't."{name}"')
        for name, kind in connection.execute(COLUMNS, [table])
    }
    kept = {name: value for name, value in columns.items() if value is not None}
    names = ", ".join(f'"{name}"' for name in kept)
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(kept.values())} FROM {table} t, place WHERE {which}"
