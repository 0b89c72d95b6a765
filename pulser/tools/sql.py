"""`sql`: one statement on a PostgreSQL database that the settings name, read-only unless the step says `write: true`.

The extended protocol carries the statement, with or without parameters, so that the server refuses a second statement
behind a semicolon. What a read-only transaction may still call (functions with effects outside of the database) is
bounded by the rights of the database role: give the tool a role of its own.
"""

from __future__ import annotations

import base64
import difflib
import json
import math
import os
import re
import socket
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import date, datetime, time
from typing import Any, cast

import psycopg
from psycopg.abc import Params

from pulser.language.catalogue import Effect, ToolSpec
from pulser.language.limits import OUTPUT_BYTES
from pulser.tools.base import FailedError, Outputs, PermanentError, TimedOut, ToolContext, ToolError, TransientError
from pulser.tools.interruption import StopCheck, run_interruptible
from pulser.tools.values import clean_text, storable

CONNECT_S = 10
_CANCEL_S = 1.0  # to deliver the wish to cancel
_SETTLE_S = 1.0  # for the server to grant it
_Row = dict[str, Any]
# Rows of such statements are taken one by one; of others, which return none, the count of changed rows.
_RETURNS_ROWS = re.compile(
    r"(?>\s|--[^\n]*\n|/\*(?>.*?\*/)|\()*+(?:select|values|table|show|explain|with|fetch)\b|.*\breturning\b",
    re.IGNORECASE | re.DOTALL,
)
# What the server says about a sign-in comes without an SQLSTATE, as text only.
_REFUSED = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied", "not permitted")
_QUERY_CANCELED, _READ_ONLY = "57014", "25006"
_TRANSIENT_STATES = ("08", "40", "53", "55P03", "55006", "57P", "58")  # lost, deadlock, full, locked, going down, disk
_FAILED_STATES = ("22", "23", "P0")  # data, constraints, RAISE
_IN_DOUBT = "the connection broke during the commit, which may or may not have happened: check the data before retrying"

_INPUT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["query", "database"],
    "properties": {
        "query": {"type": "string", "minLength": 1, "description": "One statement; %(name)s or %s for parameters."},
        "params": {"type": ["object", "array"], "description": "Values for the placeholders."},
        "database": {"type": "string", "minLength": 1, "description": "Name of a database in the settings."},
        "write": {"type": "boolean", "default": False, "description": "Allow the statement to change data."},
    },
}
_OUTPUT = {
    "type": "object",
    "required": ["rows", "row_count"],
    "properties": {
        "rows": {"type": "array", "items": {"type": "object"}},
        "row_count": {"type": "integer"},
    },
}


def effect_of(arguments: Mapping[str, Any]) -> Effect:
    """Reading is pure; nobody knows what writing twice does."""
    return Effect.IRREVERSIBLE if arguments.get("write", False) else Effect.PURE


class Sql:
    """Runs one statement. Outputs: `rows` (objects by column name), `row_count` (returned, else changed)."""

    spec = ToolSpec(
        name="sql",
        title="SQL query",
        description="Runs one SQL statement on PostgreSQL, read-only by default.",
        input=_INPUT,
        output=_OUTPUT,
        effect=Effect.IRREVERSIBLE,
        effect_of=effect_of,
    )

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Outputs:
        """Connection, lock and serialization trouble is transient, a violated constraint failed, bad SQL permanent."""
        conninfo = _conninfo(arguments["database"], databases=context.settings.get("databases", {}))
        watch = StopCheck(context)
        watch.check()
        query = _Query(arguments, conninfo=conninfo, watch=watch)
        try:
            return run_interruptible(query.run, watch=watch, stop=query.stop, settle_s=_SETTLE_S)
        except (psycopg.Error, TimedOut) as error:
            if query.is_committing:
                raise PermanentError(_IN_DOUBT) from error
            watch.check()  # what the server calls "canceled" was our doing
            raise _classified(error) if isinstance(error, psycopg.Error) else error from error


def _conninfo(name: str, *, databases: Mapping[str, str]) -> str:
    if name in databases:
        return databases[name]
    near = difflib.get_close_matches(name, databases, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"the settings name {', '.join(sorted(databases)) or 'none'}"
    raise PermanentError(f"unknown database `{name}`; {hint}")


class _Query:
    """One statement in one transaction on one connection: `run` on its thread, `stop` from the one that waits."""

    def __init__(self, arguments: Mapping[str, Any], *, conninfo: str, watch: StopCheck) -> None:
        self.is_committing = False
        self._watch = watch
        self._text: str = arguments["query"]
        self._params: Params | None = arguments.get("params")
        self._may_write = bool(arguments.get("write", False))
        self._conninfo = conninfo
        self._connection: psycopg.Connection[_Row] | None = None

    def run(self) -> Outputs:
        with closing(_connect(self._conninfo)) as connection:
            self._connection = connection
            self._watch.check()  # told to stop while it connected: nobody waits for it any more
            connection.read_only = not self._may_write
            with connection.cursor() as cursor:
                self._begin(cursor)
                found = self._fetch(cursor)
            self._watch.check()  # the wish to cancel may have come between two statements, and got lost
            self._commit(connection)
        rows = found if isinstance(found, list) else []
        return {
            "rows": storable(rows, limit=2 * OUTPUT_BYTES),
            "row_count": found if isinstance(found, int) else len(rows),
        }

    def stop(self) -> None:
        """Asks the server to cancel; where that cannot be delivered, cuts the connection."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        try:
            connection.cancel_safe(timeout=_CANCEL_S)
        except psycopg.Error:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as sock:
                sock.shutdown(socket.SHUT_RDWR)

    def _begin(self, cursor: psycopg.Cursor[_Row]) -> None:
        # The server ends the statement even if this worker is gone. Being the first query of the transaction, this also
        # takes its snapshot, after which nothing can set the mode to read-write any more.
        milliseconds = max(1, int(self._watch.left_s * 1000))
        cursor.execute("SELECT set_config('statement_timeout', %s, true) AS timeout", [str(milliseconds)])

    def _fetch(self, cursor: psycopg.Cursor[_Row]) -> list[_Row] | int:
        """The rows, or the count of changed ones where there are none to return."""
        if _RETURNS_ROWS.match(self._text):
            try:
                # Closed first: an open stream holds the connection's lock, which the savepoint needs.
                stream = cast(Generator[_Row, None, None], cursor.stream(self._text, self._params))
                with cursor.connection.transaction(), closing(stream):
                    return _bounded(stream)
            except psycopg.ProgrammingError as error:
                # Raised after a statement that looked as if it returned rows; the savepoint has undone it.
                if error.sqlstate is not None:
                    raise
        cursor.execute(self._text, self._params, prepare=True)
        return _bounded(cursor) if cursor.description else max(0, cursor.rowcount)

    def _commit(self, connection: psycopg.Connection[_Row]) -> None:
        self.is_committing = self._may_write
        try:
            connection.commit()
        except psycopg.OperationalError as error:
            self.is_committing = self.is_committing and error.sqlstate is None
            raise
        self.is_committing = False


def _connect(conninfo: str) -> psycopg.Connection[_Row]:
    return psycopg.connect(
        conninfo, connect_timeout=CONNECT_S, application_name="controlroom", row_factory=_row_factory
    )


def _row_factory(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], _Row]:
    names = [column.name for column in cursor.description or ()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PermanentError(f"two columns are named `{twice}`; rename one with AS")
    return lambda values: {name: _plain(value) for name, value in zip(names, values, strict=True)}


def _bounded(found: Iterable[_Row]) -> list[_Row]:
    """The rows, as long as they fit into an output. One more than that is never held."""
    rows: list[_Row] = []
    room = OUTPUT_BYTES
    for row in found:
        rows.append(row)
        room -= len(json.dumps(row, ensure_ascii=False, default=str).encode(errors="replace")) + 2
        if room < 0:
            raise FailedError(f"the rows take more than {OUTPUT_BYTES:,} bytes as JSON; select fewer, or add a LIMIT")
    return rows


def _plain(value: Any) -> Any:
    """A value of PostgreSQL as JSON: times in ISO 8601, exact numbers as text, bytes in base64, the rest as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def _classified(error: psycopg.Error) -> ToolError:
    state, message = error.sqlstate, _message(error)
    if state is None:
        refused = not isinstance(error, psycopg.OperationalError) or any(words in message for words in _REFUSED)
        return PermanentError(message) if refused else TransientError(message)
    if state == _QUERY_CANCELED:
        return TimedOut(message)
    if state == _READ_ONLY:
        return PermanentError(f"{message}; a step that changes data says `write: true`")
    if state.startswith(_TRANSIENT_STATES):
        return TransientError(message)
    return FailedError(message) if state.startswith(_FAILED_STATES) else PermanentError(message)


def _message(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    text = error.diag.message_primary or str(error).strip()
    return clean_text(f"{text} ({detail})" if detail else text)[:2000]
