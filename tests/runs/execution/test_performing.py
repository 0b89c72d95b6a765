"""Around a step's work: its folder, what earlier attempts left, and a database or broker that is away for a moment."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings
from django.db import connection

from controlroom.celery import TRANSPORT
from pulser.kernel import execution
from runs.execution import dispatch
from runs.execution.worker_identity import host
from runs.execution.worker_loop import run_worker_loop
from runs.execution.workspace import workspace_of
from runs.models import Attempt, Worker
from runs.transitions import lose_lease
from tests.factories import start
from tests.pulser.kernel.processes import left_over
from tests.runs.execution.plans import ONCE, plan, shell
from tests.runs.helpers import (
    ALICE,
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    drive,
    finished,
    kinds,
    let_leases_run_out,
    log_of,
    run_plan,
    status_of,
    statuses,
    step_of,
    together,
    wait_until,
)

pytestmark = pytest.mark.django_db(transaction=True)
HELLO = plan(shell("a", "true"))


def test_the_steps_of_a_run_share_a_folder_that_nobody_else_may_enter() -> None:
    run = run_plan(plan(shell("a", "pwd; echo hello > note"), shell("b", "cat note", "a")))

    folder = workspace_of(str(run.pk))
    assert folder == settings.WORK_DIR / str(run.pk)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert step_of(run, "a").outputs["stdout"] == f"{folder}\n"
    assert step_of(run, "b").outputs["stdout"] == "hello\n"


def test_every_attempt_of_a_step_is_handed_the_same_idempotency_key() -> None:
    run = run_plan(plan(shell("a", 'echo "$PULSER_IDEMPOTENCY_KEY" >> keys; test $(wc -l < keys) -ge 2; cat keys')))

    assert step_of(run, "a").outputs["stdout"] == f"{run.pk}/a\n" * 2


def test_nothing_of_the_servers_secrets_reaches_a_step() -> None:
    run = run_plan(plan(shell("a", "env | cut -d= -f1 | sort")))

    names = set(step_of(run, "a").outputs["stdout"].split())
    assert names <= {"PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_", "PULSER_OUTPUT", "PULSER_IDEMPOTENCY_KEY"}


def test_a_tool_that_is_not_installed_here_is_a_permanent_error(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(HELLO)
    monkeypatch.setattr(execution.tools, "installed", lambda: {})

    drive(run)

    assert (status_of(run), attempts_of(run, "a")[0].error_class) == ("error", "permanent")
    assert "not installed" in step_of(run, "a").reason


def test_arguments_that_cannot_be_made_are_a_permanent_error() -> None:
    run = run_plan(
        plan(
            {"id": "a", "uses": "shell", "with": {"run": ["echo", "{{ params.list[3] }}"]}},
            params={"type": "object", "properties": {"list": {"type": "array", "items": {"type": "string"}}}},
        ),
        {"list": []},
    )

    assert attempts_of(run, "a")[0].error_class == "permanent"
    assert "the arguments cannot be rendered" in step_of(run, "a").reason


def test_arguments_of_the_wrong_type_are_a_permanent_error() -> None:
    step = {"id": "a", "uses": "shell", "with": {"run": "true", "env": {"X": "{{ params.x }}"}}}
    run = run_plan(plan(step, params={"properties": {"x": {}}}), {"x": []})

    assert attempts_of(run, "a")[0].error_class == "permanent"
    assert step_of(run, "a").reason.startswith("with.env.X: ")


def test_a_tool_that_breaks_ends_its_attempt_and_not_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(plan(shell("a", "true", retry=ONCE), finals=(shell("f", "true", retry=ONCE),)))
    tool = execution.tools.installed()["shell"]
    monkeypatch.setattr(tool, "call", lambda *_: 1 / 0)

    drive(run)

    assert (status_of(run), statuses(run)) == ("error", {"a": "error", "f": "error"})
    assert step_of(run, "a").reason == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("outputs", [{"x": float("nan")}, {"x": {1, 2}}])
def test_outputs_that_cannot_be_stored_fail_the_step_and_not_the_worker(
    outputs: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(plan(shell("a", "true")))
    monkeypatch.setattr(execution.tools.installed()["shell"], "call", lambda *_: outputs)

    drive(run)

    assert (status_of(run), attempts_of(run, "a")[0].error_class) == ("error", "permanent")
    assert "cannot be stored" in step_of(run, "a").reason
    assert_log_folds_to_rows(run)


def test_what_is_left_of_an_earlier_attempt_is_killed_before_the_next() -> None:
    run = start(HELLO)
    claim = claimed(run)
    with left_over(f"{run.pk}/a") as process:
        Attempt.objects.filter(pk=claim.attempt_id).update(process_group=process.pid, host=host())
        let_leases_run_out(run)
        lose_lease(str(run.pk), "a", number=1)

        drive(run)

        assert process.wait(60) == -signal.SIGKILL
    assert status_of(run) == "success"


def test_a_result_is_recorded_though_the_database_hung_up_meanwhile() -> None:
    run = start(plan(shell("a", "touch begun; until [ -e go ]; do sleep 0.02; done"), shell("b", "true", "a")))
    folder = workspace_of(str(run.pk))

    def hang_up() -> None:
        wait_until((folder / "begun").exists)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        (folder / "go").touch()

    together(lambda: drive(run), hang_up)

    connection.close()  # it was hung up on as well
    assert (status_of(run), statuses(run)) == ("success", {"a": "success", "b": "success"})
    assert [len(attempts_of(run, key)) for key in ("a", "b")] == [1, 1]


def test_a_broker_that_is_away_costs_a_start_little_time_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Celery("dead", broker="redis+socket:///nowhere/valkey.sock", set_as_current=False)
    dead.conf.update(broker_transport_options=TRANSPORT, broker_connection_timeout=1.0)
    monkeypatch.setattr(dispatch, "current_app", dead)
    begun = time.monotonic()

    run = start(HELLO)

    assert time.monotonic() - begun < 15
    assert kinds(run) == ["run.queued"]


def test_a_wide_release_wakes_no_more_workers_than_have_free_hands(celery_sent: list[str]) -> None:
    steps = [shell(f"s{number}", "true", "first") for number in range(9)]
    run = start(plan(shell("first", "true"), *steps))
    claim = claimed(run, ALICE)
    now = claim.started_at
    Worker.objects.create(name="w", host="h", pid=1, slots=4, started_at=now, seen_at=now)
    celery_sent.clear()

    finished(claim)

    assert celery_sent == [str(run.pk)] * 4


def test_a_workspace_that_cannot_be_made_is_tried_again_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "work").write_text("somebody's file")
    monkeypatch.setattr(settings, "WORK_DIR", tmp_path / "work")
    run = start(HELLO)

    run_worker_loop()

    attempt = attempts_of(run, "a")[0]
    assert (attempt.error_class, step_of(run, "a").status) == ("transient", "backoff")
    assert "cannot create the workspace" in attempt.error_message
    assert log_of(run, "a") == b""  # no traceback: it is no fault of ours
