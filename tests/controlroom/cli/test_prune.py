"""`controlroom prune`, in a process of its own as an operator calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import psycopg
import pytest
from click.testing import CliRunner
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from controlroom.cli import main
from runs.models import Run
from runs.retention.pruning import LOCK
from tests.factories import make_run
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import run_plan, wait_until
from tests.runs.retention.helpers import ended, grow_old

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = [sys.executable, "-c", "from controlroom.cli import main; main(prog_name='controlroom')", "prune"]


def prune(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments]
    return subprocess.run(command, env=given() | environment, capture_output=True, text=True, timeout=60, check=False)


def given() -> dict[str, str]:
    """The environment of an operator on the machine of the control room."""
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"} | {
        "DATABASE_URL": database_url()
    }


def database_url() -> str:
    return make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])


def test_it_deletes_what_is_old_and_says_how_much() -> None:
    old = grow_old(run_plan(plan(shell("a", "echo hi > f", artifacts=[{"path": "f", "kind": "file"}]))), 100)
    young = ended(10)
    done = prune("--older-than", "90d")
    assert done.returncode == 0, done.stderr
    assert list(Run.objects.all()) == [young]
    assert not (Path(settings.MEDIA_ROOT) / "artifacts" / str(old.pk)).exists()
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["artifacts", "1", "3", "B"] in lines
    assert "Deleted runs that ended before " in done.stdout


def test_a_dry_run_changes_nothing() -> None:
    ended(100)
    done = prune("--older-than", "90d", "--dry-run", "--json")
    told = json.loads(done.stdout)
    assert (told["dry_run"], told["complete"], told["removed"]["runs"]["rows"]) == (True, True, 1)
    assert told["before"].endswith("Z")
    assert Run.objects.count() == 1


def test_called_twice_the_second_finds_nothing() -> None:
    ended(100)
    first, second = (json.loads(prune("--older-than", "90d", "--json").stdout) for _ in range(2))
    assert first["removed"]["runs"]["rows"] == 1
    assert {tally["rows"] for tally in second["removed"].values()} == {0}


def test_what_runs_is_told_by_nobody_to_go() -> None:
    run = grow_old(make_run(status="running"), 100)
    assert prune("--older-than", "0s").returncode == 0
    assert Run.objects.filter(pk=run.pk).exists()


@pytest.mark.parametrize("age", ["", "90", "soon", "-1d", "101000d"])
def test_an_age_that_is_none_is_wrong_usage(age: str) -> None:
    result = CliRunner().invoke(main, ["prune", "--older-than", age])
    assert result.exit_code == 2
    assert "expected a" in result.output


def test_without_an_age_nothing_is_pruned() -> None:
    assert CliRunner().invoke(main, ["prune"]).exit_code == 2


def test_a_database_that_is_away_is_not_reachable() -> None:
    done = prune("--older-than", "90d", DATABASE_URL="postgresql://127.0.0.1:1/nowhere")
    assert done.returncode == 3
    assert "the database does not answer" in done.stderr


def test_ctrl_c_stops_it_between_two_batches_and_says_so() -> None:
    ended(100)
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # as if another prune were in the middle of a batch
        process = subprocess.Popen(
            [*PROGRAM, "--older-than", "90d"],
            env=given(),
            stdout=PIPE,
            stderr=PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (one thread here; tests may run where SIGINT is ignored)
        )
        wait_until(lambda: waits_for_a_turn(other), within_s=60)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped. The rows counted above are deleted, the rest is kept." in said
    assert ["runs", "0", "0", "B"] in [line.split() for line in out.splitlines()]
    assert Run.objects.count() == 1


def waits_for_a_turn(other: psycopg.Connection) -> bool:
    return bool(other.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone())
