"""The control process tidies in short rounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from runs.models import Run
from runs.retention import folders
from runs.retention.tidying import Tidier
from runs.tasks import tidy
from tests.runs.retention.helpers import DAY_S, ended

pytestmark = pytest.mark.django_db


def make_workspace(run: Run, *, files: int = 1) -> Path:
    path = Path(django_settings.WORK_DIR) / str(run.pk)
    path.mkdir(parents=True)
    for number in range(files):
        (path / f"file{number}").touch()
    return path


def test_everything_is_kept_unless_somebody_says_otherwise(settings: Any) -> None:
    ended(10_000)
    assert settings.KEEP_S is None
    assert Tidier().round(within_s=60)
    assert Run.objects.exists()


def test_what_is_older_than_what_is_kept_goes(settings: Any) -> None:
    settings.KEEP_S = 90 * DAY_S
    ended(91)
    young = ended(89)
    assert Tidier().round(within_s=60)
    assert list(Run.objects.all()) == [young]


def test_workspaces_are_cleaned_a_day_after_success(settings: Any) -> None:
    path = make_workspace(ended(1.1))
    tidy()
    assert not path.exists()
    assert list((path.parent / folders.TRASH).iterdir()) == []


def test_workspaces_can_be_kept_for_ever(settings: Any) -> None:
    settings.KEEP_WORK_S = None
    path = make_workspace(ended(1000))
    tidy()
    assert path.exists()


def test_a_round_takes_one_step_at_least_and_the_next_goes_on(settings: Any) -> None:
    """However many files there are, the sweeper waits for one step, and each of them gets its turn."""
    path = make_workspace(ended(2), files=3 * folders.CHUNK)
    tidier = Tidier()
    rounds = 1
    while not tidier.round(within_s=0):
        rounds += 1
        assert rounds < 20
    assert rounds > 4
    assert list((path.parent / folders.TRASH).iterdir()) == []


def test_after_a_step_that_broke_the_next_round_begins_anew(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = make_workspace(ended(2))
    tidier = Tidier()
    settings.WORK_DIR = tmp_path / "a-file"
    (tmp_path / "a-file").touch()
    with pytest.raises(NotADirectoryError):
        tidier.round(within_s=60)
    settings.WORK_DIR = path.parent
    assert tidier.round(within_s=60)
    assert not path.exists()
