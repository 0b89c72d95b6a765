"""The release before this one is taken from the history, and who has none is told so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.upgrade import ROOT, NoHistory, previous, unpack

PATIENCE_S = 900.0  # on a machine that has other things to do


def _git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=olivia", "-c", "user.email=olivia@example.org")
    done = subprocess.run(["git", "-C", str(folder), *name, *words], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_the_previous_release_is_named_by_a_commit() -> None:
    assert re.fullmatch("[0-9a-f]{7,40}", previous())


def test_the_tree_of_a_commit_is_laid_out_as_files(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "word").write_text("then")
    _git(tmp_path, "add", "word")
    _git(tmp_path, "commit", "--quiet", "--message", "then")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "word").write_text("now")

    unpack(commit, into=tmp_path / "previous", repository=tmp_path)

    assert (tmp_path / "previous" / "word").read_text() == "then"


def test_a_history_that_does_not_reach_so_far_is_named_with_the_way_out(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")

    with pytest.raises(NoHistory, match="does not hold commit 0123abc.*git fetch --unshallow"):
        unpack("0123abc", into=tmp_path / "previous", repository=tmp_path)


def test_a_tree_without_history_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match="an archive without history cannot do this"):
        unpack("0123abc", into=tmp_path / "previous", repository=tmp_path)


@pytest.mark.siege
@pytest.mark.history
def test_runs_outlive_an_upgrade_in_their_midst() -> None:
    command = [sys.executable, "-m", "chaos.upgrade"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "all succeeded, every log folds" in done.stdout
