from __future__ import annotations

import pytest

from fuzz.row import Row, show


def test_the_table_counts_answers_and_tells_violations(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row("GET /runs (viewer)")
    for status in (200, 200, 500):
        row.saw(status, right=status < 500, why="the server failed")

    assert show([row]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["GET", "/runs", "(viewer)", "3", "1", "200", "x", "2", "500", "x", "1"]
    assert "GET /runs (viewer): 500: the server failed" in lines
