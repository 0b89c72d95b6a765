"""The bench as a person calls it. Figures are not looked at: no test times anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_S = 240


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=False)


@pytest.mark.siege
def test_parts_that_are_asked_for_are_measured_on_a_control_room_of_its_own() -> None:
    ended = bench("--rounds", "1", "--only", "chain", "--only", "frames", "--only", "statements")

    assert (ended.returncode, ended.stderr) == (0, "")
    summary = ended.stdout.strip().splitlines()[-1]
    assert "lane A takes 1000 runs at once" in ended.stdout
    for name in ("40 sequential steps", "commit to frame, 10 sockets, p99", "SQL statements of a one-step run"):
        assert name in ended.stdout
    assert "targets are m" in summary


def test_a_part_that_is_not_there_is_a_usage_error_that_names_those_that_are() -> None:
    ended = bench("--only", "everything")

    assert ended.returncode == 2
    assert all(f"'{name}'" in ended.stderr for name in ("chain", "hook", "burst", "frames", "stored"))
