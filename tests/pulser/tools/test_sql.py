from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol

import psycopg
import pytest

from pulser.language.catalogue import Effect
from pulser.tools import sql
from pulser.tools.base import Cancelled, FailedError, Outputs, PermanentError, TimedOut, ToolContext, TransientError
from pulser.tools.sql import Sql
from tests.pulser.tools.conftest import MakeContext


class PostgresServer(Protocol):
    conninfo: str


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A second connection, beside the tool's, with an empty table `pets`."""
    with psycopg.connect(postgres_server.conninfo, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS sql_tool CASCADE")
        connection.execute("CREATE SCHEMA sql_tool")
        connection.execute("CREATE TABLE sql_tool.pets (id int PRIMARY KEY, name text)")
        yield connection
        connection.execute("DROP SCHEMA sql_tool CASCADE")


@pytest.fixture
def context(make_context: MakeContext, postgres_server: PostgresServer, database: psycopg.Connection) -> ToolContext:
    return make_context(settings={"databases": {"zoo": postgres_server.conninfo}})


def call(context: ToolContext, query: str, **arguments: Any) -> Outputs:
    return Sql().call({"query": query, "database": "zoo", **arguments}, context)


def names(database: psycopg.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM sql_tool.pets ORDER BY id")]


def test_a_query_gives_rows_as_objects(context: ToolContext) -> None:
    outputs = call(context, "SELECT n, n * n AS square FROM generate_series(1, 2) AS n")

    assert outputs == {"rows": [{"n": 1, "square": 1}, {"n": 2, "square": 4}], "row_count": 2}


@pytest.mark.parametrize(
    ("query", "params"),
    [
        pytest.param("SELECT %(who)s::text AS who", {"who": "'; DROP TABLE x; --"}, id="by name"),
        pytest.param("SELECT %s::text AS who", ["'; DROP TABLE x; --"], id="by place"),
    ],
)
def test_parameters_are_bound_and_never_part_of_the_text(context: ToolContext, query: str, params: Any) -> None:
    assert call(context, query, params=params)["rows"] == [{"who": "'; DROP TABLE x; --"}]


def test_without_parameters_a_percent_sign_is_itself(context: ToolContext) -> None:
    assert call(context, "SELECT 'a' LIKE '%a' AS found")["rows"] == [{"found": True}]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("timestamptz '2026-01-02 03:04:05+00'", "2026-01-02T03:04:05+00:00"),
        ("date '2026-01-02'", "2026-01-02"),
        ("1.10::numeric", "1.10"),
        ("'NaN'::float8", "nan"),
        ("'00000000-0000-0000-0000-000000000001'::uuid", "00000000-0000-0000-0000-000000000001"),
        (r"'\x00ff'::bytea", "AP8="),
        ("'{\"a\": [1, null]}'::jsonb", {"a": [1, None]}),
        ("ARRAY[1.5::numeric, NULL]", ["1.5", None]),
        ("interval '1 hour'", "1:00:00"),
        ("inet '10.0.0.1'", "10.0.0.1"),
        ("NULL", None),
    ],
)
def test_values_come_as_json(context: ToolContext, expression: str, value: Any) -> None:
    assert call(context, f"SELECT {expression} AS value")["rows"] == [{"value": value}]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("INSERT INTO sql_tool.pets VALUES (1, 'rex')", id="an insert"),
        pytest.param("INSERT INTO sql_tool.pets VALUES (1, 'rex') RETURNING id", id="one that returns"),
        pytest.param(
            "WITH new AS (INSERT INTO sql_tool.pets VALUES (1, 'rex') RETURNING id) SELECT * FROM new", id="in a WITH"
        ),
        pytest.param("CREATE TABLE sql_tool.more (id int)", id="a definition"),
        pytest.param(
            "DO $$ BEGIN SET TRANSACTION READ WRITE; INSERT INTO sql_tool.pets VALUES (1, 'rex'); END $$",
            id="a block that changes the mode",
        ),
        pytest.param(
            "WITH mode AS (SELECT set_config('transaction_read_only', 'off', true)), "
            "new AS (INSERT INTO sql_tool.pets SELECT 1, 'rex' FROM mode RETURNING id) SELECT * FROM new",
            id="a query that changes the mode",
        ),
        pytest.param("COMMIT; INSERT INTO sql_tool.pets VALUES (1, 'rex')", id="a second statement"),
        pytest.param("SELECT 1; INSERT INTO sql_tool.pets VALUES (1, 'rex')", id="a second one after a query"),
    ],
)
def test_a_step_that_does_not_say_write_changes_nothing(
    context: ToolContext, database: psycopg.Connection, query: str
) -> None:
    with pytest.raises(PermanentError):
        call(context, query)

    assert names(database) == []


def test_a_refused_write_says_how_to_allow_it(context: ToolContext) -> None:
    with pytest.raises(PermanentError, match="read-only transaction; .*`write: true`"):
        call(context, "INSERT INTO sql_tool.pets VALUES (1, 'rex')")


@pytest.mark.parametrize(
    ("query", "outputs"),
    [
        pytest.param(
            "INSERT INTO sql_tool.pets VALUES (1, 'rex'), (2, 'tom')", {"rows": [], "row_count": 2}, id="a count"
        ),
        pytest.param(
            "INSERT INTO sql_tool.pets VALUES (1, 'rex'), (2, 'tom') RETURNING id",
            {"rows": [{"id": 1}, {"id": 2}], "row_count": 2},
            id="rows",
        ),
        pytest.param(
            "WITH new (id, name) AS (VALUES (1, 'rex'), (2, 'tom')) INSERT INTO sql_tool.pets SELECT * FROM new",
            {"rows": [], "row_count": 2},
            id="a count though it begins as a query",
        ),
    ],
)
def test_a_step_that_says_write_changes_data(
    context: ToolContext, database: psycopg.Connection, query: str, outputs: Outputs
) -> None:
    assert call(context, query, write=True) == outputs
    assert names(database) == ["rex", "tom"]


@pytest.mark.parametrize("params", [{}, {"params": []}, {"params": {"id": 3}}])
def test_a_second_statement_is_refused_also_in_a_write(
    context: ToolContext, database: psycopg.Connection, params: dict[str, Any]
) -> None:
    insert = "INSERT INTO sql_tool.pets VALUES (1, 'rex')"

    with pytest.raises(PermanentError):
        call(context, f"{insert}; {insert.replace('1', '2')}", write=True, **params)

    assert names(database) == []


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        pytest.param("SELEC 1", PermanentError, "syntax error", id="syntax"),
        pytest.param("SELECT * FROM nowhere", PermanentError, '"nowhere" does not exist', id="no such table"),
        pytest.param("SELECT 1/0", FailedError, "division by zero", id="data"),
        pytest.param("DO $$ BEGIN RAISE 'not today'; END $$", FailedError, "not today", id="raised"),
        pytest.param("SELECT 1 AS a, 2 AS a", PermanentError, "two columns are named `a`", id="ambiguous columns"),
        pytest.param("COPY sql_tool.pets TO STDOUT", PermanentError, "COPY", id="copy"),
        pytest.param("SELECT %(a)s", PermanentError, "syntax error", id="a parameter that nobody gave"),
    ],
)
def test_an_error_of_the_server_has_its_class(
    context: ToolContext, query: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call(context, query)


def test_a_violated_constraint_failed(context: ToolContext) -> None:
    with pytest.raises(FailedError, match=r"duplicate key .* \(Key \(id\)=\(1\) already exists"):
        call(context, "INSERT INTO sql_tool.pets VALUES (1, 'a'), (1, 'b')", write=True)


def test_an_unknown_database_proposes_the_nearest_name(context: ToolContext) -> None:
    with pytest.raises(PermanentError, match="unknown database `zo`; did you mean `zoo`?"):
        Sql().call({"query": "SELECT 1", "database": "zo"}, context)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"dbname": "nowhere"}, PermanentError, id="a database that is not there"),
        pytest.param({"host": "127.0.0.1", "port": "1"}, TransientError, id="a server that does not listen"),
    ],
)
def test_a_connection_that_fails_has_its_class(
    make_context: MakeContext, postgres_server: PostgresServer, changed: dict[str, Any], error: type[Exception]
) -> None:
    conninfo = psycopg.conninfo.make_conninfo(postgres_server.conninfo, **changed)

    with pytest.raises(error):
        call(make_context(settings={"databases": {"zoo": conninfo}}), "SELECT 1")


def test_rows_past_their_bound_are_not_fetched(context: ToolContext) -> None:
    began = time.monotonic()

    with pytest.raises(FailedError, match="more than 1,048,576 bytes"):
        call(context, "SELECT repeat('x', 1000) AS text, generate_series(1, 100000000) AS n")

    assert time.monotonic() - began < 30


def test_a_query_past_its_time_is_ended_on_the_server(context: ToolContext, database: psycopg.Connection) -> None:
    context.timeout_s = 0.5
    began = time.monotonic()

    with pytest.raises(TimedOut):
        call(context, "SELECT pg_sleep(60) AS napping")

    running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%AS napping'"
    assert time.monotonic() - began < 30
    assert database.execute(running + " AND pid <> pg_backend_pid()").fetchone() == (0,)


def test_cancelling_ends_the_query(context: ToolContext, database: psycopg.Connection) -> None:
    threading.Timer(0.3, context.cancelled.set).start()

    with pytest.raises(Cancelled):
        call(context, "INSERT INTO sql_tool.pets SELECT 1, pg_sleep(60)::text", write=True)

    assert names(database) == []


def test_a_lock_that_others_hold_may_be_tried_again(context: ToolContext, database: psycopg.Connection) -> None:
    with database.transaction():
        database.execute("LOCK sql_tool.pets")
        with pytest.raises(TransientError, match="could not obtain lock"):
            call(context, "LOCK sql_tool.pets IN ACCESS EXCLUSIVE MODE NOWAIT", write=True)


def test_a_connection_lost_in_a_query_may_be_tried_again(context: ToolContext) -> None:
    with pytest.raises(TransientError, match="terminating connection"):
        call(context, "SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_connection_lost_while_committing_is_for_a_person(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(self: psycopg.Connection) -> None:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch, pytest.raises(PermanentError, match="may or may not have happened"):
        patch.setattr(psycopg.Connection, "commit", commit)
        call(context, "INSERT INTO sql_tool.pets VALUES (1, 'rex')", write=True)


def test_reading_is_pure_and_writing_irreversible() -> None:
    assert [sql.effect_of(arguments) for arguments in ({}, {"write": False}, {"write": True})] == [
        Effect.PURE,
        Effect.PURE,
        Effect.IRREVERSIBLE,
    ]
