"""The commands against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from pulser.language.limits import PARAMS_BYTES
from runs.accounts.models import ApiToken
from runs.execution.worker_loop import run_worker_loop
from runs.models import Attempt, LogChunk, Run, Step
from tests.controlroom.cli.conftest import Cli
from tests.factories import make_plan, make_run, make_session, make_token, put_step, start

GREETING = """
pulser: 1
slug: greeting
params:
  type: object
  properties:
    name: {{type: string}}
    times: {{type: integer, default: 1}}
    loud: {{type: boolean}}
    tags: {{type: array}}
steps:
  - {{id: greet, uses: shell, with: {{run: "{script}"}}}}
  - {{id: leave, uses: shell, needs: [greet], with: {{run: "echo bye"}}, retry: {{max_attempts: 1}}}}
"""


def greeting(script: str = "echo hello") -> None:
    make_plan(GREETING.format(script=script))


def until(condition: Callable[[], Any], *, within_s: float = 20.0) -> Any:
    """What the condition answers, once it holds."""
    end = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
    return answer


class TestRun:
    def test_it_starts_a_run_and_names_it(self, cli: Cli, address: str) -> None:
        greeting()
        result = cli("run", "greeting", "--title", "For Ada", "--lane", "B")
        run = Run.objects.get()
        assert (result.exit_code, run.title, run.lane.name, run.trigger) == (0, "For Ada", "B", "cli")
        assert str(run.pk) in result.stdout

    def test_params_get_the_types_of_the_plan(self, cli: Cli, address: str) -> None:
        greeting()
        pairs = ["name=5", "times=3", "loud=true", 'tags=["a"]']
        cli("run", "greeting", *(part for pair in pairs for part in ("-p", pair)))
        assert Run.objects.get().params == {"name": "5", "times": 3, "loud": True, "tags": ["a"]}

    def test_spaces_in_a_param_do_not_count_against_the_bound(self, cli: Cli, address: str) -> None:
        greeting()
        numbers = [0] * (PARAMS_BYTES * 2 // 5)
        assert cli("run", "greeting", "-p", f"tags={json.dumps(numbers)}").exit_code == 0
        assert Run.objects.get().params["tags"] == numbers

    @pytest.mark.parametrize("pair", ["times=many", "tiems=3", "name", "=x"])
    def test_a_param_that_does_not_fit_is_wrong_usage(self, cli: Cli, address: str, pair: str) -> None:
        greeting()
        assert cli("run", "greeting", "-p", pair).exit_code == 2
        assert not Run.objects.exists()

    def test_an_unknown_plan_is_wrong_usage_and_the_nearest_is_named(self, cli: Cli, address: str) -> None:
        greeting()
        result = cli("run", "greetin")
        assert result.exit_code == 2
        assert "greeting" in result.stderr

    def test_json_is_what_the_api_answers(self, cli: Cli, address: str) -> None:
        greeting()
        run = json.loads(cli("run", "greeting", "--json").stdout)
        assert run["id"] == str(Run.objects.get().pk)
        assert [step["id"] for step in run["steps"]] == ["greet", "leave"]

    def test_a_session_may_be_named(self, cli: Cli, address: str) -> None:
        greeting()
        session = make_session("night")
        assert cli("run", "greeting", "--session", "night").exit_code == 0
        assert Run.objects.get().session == session
        assert cli("run", "greeting", "--session", "day").exit_code == 2

    def test_a_key_starts_one_run(self, cli: Cli, address: str) -> None:
        greeting()
        for _ in range(2):
            assert cli("run", "greeting", "--key", "nightly-1").exit_code == 0
        assert Run.objects.count() == 1


@pytest.mark.parametrize(("script", "code", "status"), [("echo hello", 0, "success"), ("exit 126", 1, "error")])
def test_watch_shows_progress_as_it_happens_and_exits_as_the_run_ends(
    address: str, script: str, code: int, status: str
) -> None:
    greeting(script)
    command = [sys.executable, "-c", "from controlroom.cli import main; main()", "run", "greeting", "--watch"]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    lines = [watching.stdout.readline(), watching.stdout.readline()]  # before anything was done
    assert "queued" in lines[1]
    until(Run.objects.first)
    run_worker_loop()
    output, _ = watching.communicate(timeout=60)
    assert watching.returncode == code
    assert "running" in output and "greet" in output
    assert output.strip().splitlines()[-1].split()[2:4] == [status, "run"]


class TestLooking:
    def test_runs_lists_and_filters(self, cli: Cli, address: str) -> None:
        make_run(status="error", title="Red roof")
        make_run(status="running", title="Blue sky")
        assert "Red roof" in cli("runs").stdout
        assert "Blue sky" not in cli("runs", "--status", "error").stdout
        assert [run["title"] for run in json.loads(cli("runs", "--json").stdout)["items"]] == ["Blue sky", "Red roof"]

    def test_show_takes_the_short_end_of_an_id(self, cli: Cli, address: str) -> None:
        run = make_run(status="success", title="Red roof", archived_at=timezone.now())
        start()
        result = cli("show", run.short_id)
        assert result.exit_code == 0
        assert str(run.pk) in result.stdout and "greet" in result.stdout

    @pytest.mark.parametrize("reference", ["0000000f", "nothing", "ab"])
    def test_an_id_of_nothing_is_wrong_usage(self, cli: Cli, address: str, reference: str) -> None:
        assert cli("show", reference).exit_code == 2

    def test_events_come_as_one_json_object_a_line(self, cli: Cli, address: str) -> None:
        run = start()
        (line,) = cli("events", str(run.pk), "--json").stdout.splitlines()
        assert json.loads(line)["kind"] == "run.queued"
        assert "run.queued" in cli("events", run.short_id).stdout

    def test_following_an_ended_run_ends(self, cli: Cli, address: str) -> None:
        greeting()
        run = start(version=make_plan(GREETING.format(script="echo hello")))
        run_worker_loop()
        lines = cli("events", str(run.pk), "--json", "--follow").stdout.splitlines()
        kinds = [json.loads(line)["kind"] for line in lines]
        assert (kinds[0], kinds[-1]) == ("run.queued", "run.succeeded")
        assert cli("logs", str(run.pk), "--follow").stdout == "hello\nbye\n"

    def test_logs_are_the_bytes_themselves(self, cli: Cli, address: str) -> None:
        run = start()
        attempt = Attempt.objects.create(step=Step.objects.get(run=run), number=1, started_at=run.created_at)
        LogChunk.objects.create(attempt=attempt, offset=0, stream="stdout", data=b"caf\xc3\xa9 \xff", at=run.created_at)
        assert cli("logs", str(run.pk)).stdout_bytes == b"caf\xc3\xa9 \xff"
        assert cli("logs", str(run.pk), "--step", "nowhere").exit_code == 2

    def test_status_tells_the_pid_of_each_worker(self, cli: Cli, address: str) -> None:
        from runs.execution.worker_registry import register_worker

        register_worker(slots=4)
        found = json.loads(cli("status", "--json").stdout)
        assert found["workers"][0]["pid"] > 0
        text = cli("status").stdout
        assert str(found["workers"][0]["pid"]) in text and "no sweep yet" in text


class TestMoves:
    def test_retry_cancel_and_archive(self, cli: Cli, address: str) -> None:
        run = make_run(status="error")
        put_step(run, "greet", "error")
        assert cli("retry", run.short_id).exit_code == 0
        assert cli("cancel", run.short_id).exit_code == 0
        assert cli("archive", run.short_id, "--json").exit_code == 0
        run.refresh_from_db()
        assert (run.status, run.archived_at is not None) == ("cancelled", True)

    def test_a_move_that_is_not_possible_now_fails_with_the_reason(self, cli: Cli, address: str) -> None:
        result = cli("archive", str(start().pk))
        assert (result.exit_code, "queued" in result.stderr) == (1, True)

    def test_a_viewer_moves_nothing(self, cli: Cli, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONTROLROOM_API_TOKEN", make_token("viewer"))
        run = start()
        assert cli("cancel", str(run.pk)).exit_code == 2
        assert Run.objects.get().status == "queued"


class TestPlan:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        good = GREETING.format(script="true")
        (tmp_path / "good.yaml").write_text(good)
        (tmp_path / "bad.yaml").write_text(good.replace("uses: shell", "uses: shel"))
        return tmp_path

    def test_a_check_names_file_line_and_column(self, cli: Cli, address: str, files: Path) -> None:
        result = cli("plan", "check", str(files / "bad.yaml"))
        assert result.exit_code == 1
        assert result.stdout.startswith(f"{files / 'bad.yaml'}:12:")
        assert cli("plan", "check", str(files / "good.yaml")).exit_code == 0

    def test_a_push_keeps_a_version(self, cli: Cli, address: str, files: Path) -> None:
        assert "greeting@1" in cli("plan", "push", str(files / "good.yaml")).stdout
        assert cli("plan", "push", str(files / "bad.yaml")).exit_code == 1
        assert (
            json.loads(cli("plan", "push", "-", "--json", text=(files / "good.yaml").read_text()).stdout)["version"]
            == 1
        )

    def test_a_file_that_is_not_there_is_wrong_usage(self, cli: Cli, address: str) -> None:
        assert cli("plan", "check", "nowhere.yaml").exit_code == 2


def test_a_token_is_made_in_the_database_and_works(cli: Cli, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = cli("token", "create", "robot", "--role", "viewer").stdout.strip()
    assert ApiToken.of_secret(secret).role == "viewer"
    monkeypatch.setenv("CONTROLROOM_API_TOKEN", secret)
    assert cli("runs").exit_code == 0


def test_the_token_beside_the_data_is_used_when_none_is_set(
    cli: Cli, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONTROLROOM_API_TOKEN")
    assert cli("runs").exit_code == 2
    (tmp_path / "cli-token").write_text(make_token("viewer") + "\n")
    assert cli("runs").exit_code == 0
