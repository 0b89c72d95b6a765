"""A short siege of a whole control room, as `make chaos` lays it: all is killed, cut and starved; nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 60
SEED = 1
PATIENCE_S = 900.0  # on a machine that has other things to do


@pytest.mark.siege
def test_a_siege_of_a_minute_loses_nothing() -> None:
    command = [sys.executable, "-m", "chaos", "--seconds", str(SECONDS), "--seed", str(SEED)]

    siege = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )

    assert siege.returncode == 0, siege.stdout + siege.stderr
