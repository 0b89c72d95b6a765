from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from chaos.ledger import BEGIN, END, note, parse, read
from chaos.plans import WORK


def test_what_is_noted_is_read_in_its_order(tmp_path: Path) -> None:
    book = tmp_path / "ledger"
    note(str(book), key="run/a", word=BEGIN)
    note(str(book), key="run/a", word=END)

    assert [(line.place, line.run, line.step, line.word) for line in read(book)] == [
        (0, "run", "a", BEGIN),
        (1, "run", "a", END),
    ]


def test_a_script_writes_the_same_lines_as_a_function(tmp_path: Path) -> None:
    book = tmp_path / "ledger"
    environment = {"PULSER_IDEMPOTENCY_KEY": "run/a", "LEDGER": str(book), "SECONDS_": "0", "PATH": "/usr/bin:/bin"}

    subprocess.run(["sh", "-e", "-c", WORK], env=environment, cwd=tmp_path, check=True)

    assert [(line.run, line.step, line.word) for line in read(book)] == [("run", "a", BEGIN), ("run", "a", END)]


def test_a_ledger_with_a_torn_line_is_not_trusted() -> None:
    with pytest.raises(ValueError, match="line 0"):
        parse(["run/a\tbeg\t1\t0.0"])
