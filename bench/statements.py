"""SQL statements of a run, as PostgreSQL itself logs them: by web and workers together, from the hook to the end."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import plans
from bench.context import Bench
from bench.figures import Figure, at_most
from bench.measures import burst_once

STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)")
BOUNDARY = ("BEGIN", "COMMIT", "ROLLBACK")
LOGGED_S = 1.0  # until a line has gone through the supervisor to the log file


def statements(bench: Bench, *, runs: int = 200) -> Iterator[Figure]:
    """In a burst, less what the control room says when idle for as long."""
    bench.push(plans.single())
    burst_once(bench, runs=8, connections=8)  # plans are read and kept
    _log_statements(bench, "all")
    try:
        began = time.monotonic()
        with_runs = _said(bench, lambda: burst_once(bench, runs=runs, connections=8))
        took = time.monotonic() - began
        idle = _said(bench, lambda: time.sleep(took - LOGGED_S))
    finally:
        _log_statements(bench, "none")
    counts = with_runs - idle
    boundaries = sum(count for text, count in counts.items() if text.startswith(BOUNDARY))
    yield Figure("SQL statements of a one-step run", "statements", [(counts.total() - boundaries) / runs], at_most(12))
    yield Figure("the same with BEGIN and COMMIT", "statements", [counts.total() / runs])


def _log_statements(bench: Bench, which: str) -> None:
    bench.record.connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
    bench.record.connection.execute("SET log_statement = 'none'")  # ours do not count
    bench.record.connection.execute("SELECT pg_reload_conf()")
    bench.settle()


def _said(bench: Bench, work: Callable[[], object]) -> Counter[str]:
    """The statements that were logged while this was done, by their first line."""
    start = _log_of(bench).stat().st_size
    work()
    bench.settle(seconds=LOGGED_S)
    return Counter(STATEMENT.findall(_tail(_log_of(bench), start)))


def _log_of(bench: Bench) -> Path:
    return bench.room.data / "up.log"


def _tail(path: Path, start: int) -> str:
    with path.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")
