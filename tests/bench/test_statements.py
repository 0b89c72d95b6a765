from __future__ import annotations

import pytest

from bench.statements import STATEMENT


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("postgres | LOG:  statement: BEGIN", ["BEGIN"]),
        ("postgres | LOG:  execute _pg3_0: SELECT 1", ["SELECT 1"]),
        ("postgres | LOG:  execute <unnamed>: UPDATE runs_step", ["UPDATE runs_step"]),
        ("postgres | LOG:  statement: ", [""]),  # one that begins with an empty line counts as well
        ("postgres | DETAIL:  Parameters: $1 = '3'", []),
        ("worker   | the statement: nothing", []),
    ],
)
def test_each_statement_of_the_log_counts_once(line: str, found: list[str]) -> None:
    assert STATEMENT.findall(line) == found
