"""Workspaces are cleaned when nobody needs them any more; a retry that comes later is told so."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from runs.commands import retry
from runs.execution.worker_loop import run_worker_loop
from runs.models import Run
from runs.retention.folders import TRASH
from runs.retention.pruning import moment_before
from runs.retention.workspaces import RETRY_FACTOR, clean_workspaces
from runs.transitions.locked_run import lock_run
from tests.factories import make_actor, make_run
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import log_of, run_plan, status_of, together
from tests.runs.retention.helpers import DAY_S, ended, grow_old

pytestmark = pytest.mark.django_db

KEEP_S = DAY_S
# The second step fails until somebody says that it may go on.
FLAKY = plan(
    shell("a", "echo made > file"),
    shell("b", "test -e file || echo 'no file'; test -e ../go", "a", retry=ONCE),
)


def make_workspace(run: Run) -> Path:
    path = Path(settings.WORK_DIR) / str(run.pk)
    path.mkdir(parents=True)
    (path / "file").touch()
    return path


def cleaned(keep_s: float = KEEP_S) -> int:
    return sum(clean_workspaces(Path(settings.WORK_DIR), keep_s=keep_s, born_before=moment_before(keep_s)))


def test_a_day_after_success_the_workspace_goes() -> None:
    path = make_workspace(ended(1.1))
    assert cleaned() == 1
    assert not path.exists()


def test_until_then_it_stays() -> None:
    path = make_workspace(ended(0.9))
    assert cleaned() == 0
    assert path.exists()


@pytest.mark.parametrize("status", ["error", "cancelled"])
def test_what_can_be_retried_is_kept_longer(status: str) -> None:
    kept = make_workspace(ended(RETRY_FACTOR - 0.5, status=status))
    gone = make_workspace(ended(RETRY_FACTOR + 0.5, status=status))
    assert cleaned() == 1
    assert (kept.exists(), gone.exists()) == (True, False)


@pytest.mark.parametrize("status", ["queued", "running", "waiting"])
def test_a_run_that_has_not_ended_keeps_its_workspace(status: str) -> None:
    path = make_workspace(grow_old(make_run(status=status), 100))
    assert cleaned() == 0
    assert path.exists()


def test_the_workspace_of_a_run_that_is_gone_goes_too() -> None:
    run = ended(2)
    path = make_workspace(run)
    run.steps.all().delete()
    Run.objects.all().delete()
    assert cleaned() == 1
    assert not path.exists()


def test_what_is_no_workspace_stays() -> None:
    root = Path(settings.WORK_DIR)
    (root / "somebody-elses").mkdir(parents=True)
    (root / TRASH).mkdir()
    assert cleaned(0) == 0
    assert (root / "somebody-elses").exists()


def failed_long_ago() -> Run:
    return grow_old(run_plan(FLAKY), RETRY_FACTOR + 1)


@pytest.mark.django_db(transaction=True)
class TestRetry:
    def test_a_retry_after_that_works_in_a_new_folder_and_is_told(self) -> None:
        run = failed_long_ago()
        assert cleaned() == 1
        (Path(settings.WORK_DIR) / "go").touch()

        retry(str(run.pk), actor=make_actor())
        run_worker_loop()

        assert status_of(run) == "success"
        assert b"no file" in log_of(run, "b")
        assert b"had been cleaned" in log_of(run, "b")

    def test_a_retry_before_that_finds_its_files_and_is_told_nothing(self) -> None:
        run = run_plan(FLAKY)
        (Path(settings.WORK_DIR) / "go").touch()

        retry(str(run.pk), actor=make_actor())
        run_worker_loop()

        assert status_of(run) == "success"
        assert log_of(run, "b") == b""

    def test_a_first_start_is_told_nothing(self) -> None:
        run = run_plan(plan(shell("a", "true")))
        assert log_of(run, "a") == b""

    def test_a_run_that_is_being_retried_keeps_its_workspace(self) -> None:
        run = failed_long_ago()
        with lock_run(str(run.pk)):
            assert together(cleaned) == [0]
        assert (Path(settings.WORK_DIR) / str(run.pk)).exists()
