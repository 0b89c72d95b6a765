from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from controlroom.cli import main
from controlroom.cli.up import read_options, read_or_create_secret_key
from controlroom.stack.lock import OwnerLock


def test_the_environment_is_read_into_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONTROLROOM_BIND", "0.0.0.0")
    monkeypatch.setenv("CONTROLROOM_PORT", "8123")
    monkeypatch.setenv("CONTROLROOM_WORKERS", "2")
    monkeypatch.setenv("CONTROLROOM_DEMO", "0")
    monkeypatch.setenv("CONTROLROOM_DATA", str(tmp_path))
    options = read_options()
    assert (options.bind, options.port, options.workers, options.is_demo) == ("0.0.0.0", 8123, 2, False)
    assert options.url == "http://127.0.0.1:8123/"
    assert options.layout.data == tmp_path


@pytest.mark.parametrize(("workers", "pool"), [(1, 2), (4, 10), (64, 50)])
def test_the_embedded_database_has_room_for_all_connections(
    monkeypatch: pytest.MonkeyPatch, *, workers: int, pool: int
) -> None:
    monkeypatch.setenv("CONTROLROOM_WORKERS", str(workers))
    monkeypatch.setenv("CONTROLROOM_DB_POOL", str(pool))
    web, worker, control, prepare, reserved = pool, 2 * workers + 2, 1, 1, 3
    assert read_options().connections >= web + worker + control + prepare + reserved + 10


@pytest.mark.parametrize("port", ["0", "http", "65536"])
def test_a_bad_port_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("CONTROLROOM_PORT", port)
    result = CliRunner().invoke(main, ["up"])
    assert result.exit_code == 2
    assert "CONTROLROOM_PORT: expected a whole number from 1 up to 65535" in result.output


def test_a_taken_port_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch, short_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("CONTROLROOM_PORT", str(taken.getsockname()[1]))
        monkeypatch.setenv("CONTROLROOM_DATA", str(short_dir))
        result = CliRunner().invoke(main, ["up"])
    assert result.exit_code == 1
    assert "Address already in use; set CONTROLROOM_PORT to a free port" in result.output
    assert [path.name for path in short_dir.iterdir()] == ["lock"]


def test_a_data_directory_has_one_owner(monkeypatch: pytest.MonkeyPatch, short_dir: Path) -> None:
    monkeypatch.setenv("CONTROLROOM_DATA", str(short_dir))
    lock = OwnerLock(short_dir / "lock", what=str(short_dir))
    lock.acquire()
    result = CliRunner().invoke(main, ["up"])
    lock.release()
    assert result.exit_code == 1
    assert f"{short_dir} is in use by process {os.getpid()}" in result.output


def test_the_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    secret = read_or_create_secret_key(path)
    assert read_or_create_secret_key(path) == secret
    assert len(secret) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["ups"]).exit_code == 2


def test_up_keeps_the_supervisor_small() -> None:
    code = "import sys, controlroom.cli.up; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"django", "celery", "redis", "psycopg", "pydantic", "httpx", "asyncio"}
