"""Fills the database with runs: copies of real ones, spread over the last 90 days.

A run that the control room has done is copied with all that belongs to it, so the copies are as real as the first, and
fold to their rows. Foreign keys are not checked while that is done: the rows that they point to are copied as well.
Lanes, sessions, environments, triggers and titles of the copies differ, as they do where people work: some are
frequent, some are rare, and some never come together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import psycopg

BATCH = 50_000  # runs in one transaction
DAYS = 90.0
OPENING = (
    "SET session_replication_role = replica",  # no foreign key triggers; asks for a superuser, as ours is
    "SET synchronous_commit = off",
    "SET work_mem = '64MB'",
)
CLOSING = ("RESET session_replication_role", "RESET synchronous_commit", "RESET work_mem")
# What makes it fast for many: whole pages are not written once more after each checkpoint, and the indexes of lists are
# made at the end.
LARGE = (
    "ALTER SYSTEM SET full_page_writes = off",
    "SELECT pg_reload_conf()",
    "SET maintenance_work_mem = '256MB'",
)
AFTER_LARGE = ("ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()", "RESET maintenance_work_mem")
LIST_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename = 'runs_run' AND indexname ~ '(_by_time|_titles)$'
"""

# The copies of a batch: id, age in front of the original, the id of the first step, and what tells them apart. Chances
# are independent of each other but for two rules: `cli` starts runs in dev alone, and the last session uses one lane.
# The first session is the most frequent.
PLACES = """
CREATE TEMPORARY TABLE place ON COMMIT DROP AS
SELECT uuidv7(-age) AS id, age, first_step, lanes[lane] AS lane, sessions[session] AS session, environment, trigger,
       left(concat_ws(' ', verb, noun, 'for', place, '#' || n, substr(md5(n::text), 1, 8)), 200) AS title
FROM (SELECT n, (%(total)s - n) * interval '1 second' * (%(days)s * 86400.0 / %(total)s) AS age,
             %(first_step)s + (n - %(start)s) * %(steps)s AS first_step,
             CASE WHEN session = cardinality(sessions) AND session > 1 THEN 1
                  ELSE 1 + n %% cardinality(lanes) END AS lane,
             session, lanes, sessions, trigger, verb, noun, place,
             CASE WHEN trigger = 'cli' OR c3 < 0.6 THEN 'dev'
                  WHEN c3 < 0.9 THEN 'staging' ELSE 'prod' END AS environment
      FROM (SELECT n, lanes, sessions, c3, 1 + floor(c1 * c1 * cardinality(sessions))::int AS session,
                   (%(triggers)s::text[])[1 + floor(c2 * c2 * cardinality(%(triggers)s::text[]))::int] AS trigger,
                   (%(verbs)s::text[])[1 + words %% cardinality(%(verbs)s::text[])] AS verb,
                   (%(nouns)s::text[])[1 + words / 64 %% cardinality(%(nouns)s::text[])] AS noun,
                   (%(places)s::text[])[1 + words / 4096 %% cardinality(%(places)s::text[])] AS place
            FROM (SELECT n, words, (hash & 255) / 256.0 AS c1, (hash >> 8 & 255) / 256.0 AS c2,
                         (hash >> 16 & 255) / 256.0 AS c3
                  FROM generate_series(%(start)s::int, %(start)s::int + %(count)s::int - 1) AS n,
                       LATERAL (SELECT hashint4(n + %(salt)s) AS hash,
                                       hashint4(-n - %(salt)s) & 2147483647 AS words) AS hashed) AS drawn,
                 (SELECT array_agg(id ORDER BY id) AS lanes FROM runs_lane) AS lane,
                 (SELECT array_agg(id ORDER BY id) AS sessions FROM runs_session) AS session) AS chosen) AS placed
"""
TRIGGERS = ["hook", "api", "board", "cli", "retry"]
VERBS = ["Deploy", "Import", "Rotate", "Reindex", "Back up", "Verify", "Migrate", "Publish", "Reconcile", "Clean up"]
NOUNS = [
    *("billing", "orders", "the catalogue", "invoices", "stock levels", "user accounts", "search", "the data lake"),
    *("mail queues", "certificates", "price lists", "payroll", "tickets", "the docs site", "metrics", "web shop"),
]
PLACES_OF_WORK = ["Berlin", "Lyon", "Porto", "Oslo", "Kraków", "Dublin", "Turin", "Gent", "Malmö", "Graz", "Bilbao"]
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
    "runs_run": (
        "t.id = %(run)s",
        {
            **{"id": "place.id", "lane_id": "place.lane", "session_id": "place.session", "title": "place.title"},
            **{"environment": "place.environment", "trigger": "place.trigger"},
        },
    ),
    "runs_step": ("t.run_id = %(run)s", {"id": "place.first_step + t.position", "run_id": "place.id"}),
    "runs_attempt": (
        "t.step_id IN (SELECT id FROM runs_step WHERE run_id = %(run)s)",
        {"id": None, "step_id": POSITION_OF_STEP},
    ),
    "runs_event": ("t.run_id = %(run)s", {"run_id": "place.id"}),
    "runs_delivery": ("t.run_id = %(run)s", {"id": None, "run_id": "place.id"}),
}


def fill(
    connection: psycopg.Connection, shares: Mapping[str, int], *, days: float = DAYS, kept: Collection[str] = ()
) -> None:
    """Store so many copies of each of these runs, over so many days. The connection commits by itself.

    The runs have ended, or wait for what lies further ahead than the copies lie behind. `kept`: columns of a run that
    are as in the original.
    """
    with ExitStack() as stack:
        if sum(shares.values()) >= BATCH:
            stack.enter_context(_made_for_many(connection))
        for statement in OPENING:
            connection.execute(statement)
        for salt, (run_id, total) in enumerate(shares.items()):
            for start in range(0, total, BATCH):
                span = {
                    **{"start": start, "count": min(BATCH, total - start), "total": total},
                    **{"days": days, "salt": salt * 7919},
                }
                with connection.transaction():
                    _store(connection, run_id, span, kept=kept)
        for statement in CLOSING:
            connection.execute(statement)
    connection.execute("VACUUM ANALYZE")


@contextmanager
def _made_for_many(connection: psycopg.Connection) -> Iterator[None]:
    indexes = connection.execute(LIST_INDEXES).fetchall()
    for statement in (*LARGE, *(f"DROP INDEX {name}" for name, _ in indexes)):
        connection.execute(statement)
    try:
        yield
    finally:
        for statement in (*(definition for _, definition in indexes), *AFTER_LARGE):
            connection.execute(statement)


def _store(connection: psycopg.Connection, run_id: str, span: Mapping[str, float], *, kept: Collection[str]) -> None:
    (steps,) = connection.execute("SELECT count(*) FROM runs_step WHERE run_id = %s", [run_id]).fetchone() or (0,)
    (last,) = connection.execute(RESERVE, [steps * span["count"]]).fetchone() or (0,)
    words = {"triggers": TRIGGERS, "verbs": VERBS, "nouns": NOUNS, "places": PLACES_OF_WORK}
    connection.execute(PLACES, {**span, **words, "steps": steps, "first_step": last - steps * span["count"] + 1})
    for table, (which, changes) in TABLES.items():
        changed = {name: value for name, value in changes.items() if name not in kept}
        connection.execute(_copy(connection, table, which=which, changes=changed), {"run": run_id})


def _copy(connection: psycopg.Connection, table: str, *, which: str, changes: Changes) -> str:
    """Every column as it is, times moved by the copy's age, but for the changes."""
    columns = {
        name: changes.get(name, f't."{name}" - place.age' if "timestamp" in kind else f't."{name}"')
        for name, kind in connection.execute(COLUMNS, [table])
    }
    kept = {name: value for name, value in columns.items() if value is not None}
    names = ", ".join(f'"{name}"' for name in kept)
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(kept.values())} FROM {table} t, place WHERE {which}"
