from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from controlroom.stack.postgres import EmbeddedPostgres
from pulser.processes.account import ROOT_HOME, database_account, short_name
from pulser.processes.child import StackError
from tests.controlroom.stack.helpers import eventually, is_alive, script, server_pid

OWNER = """
import sys, signal
from pathlib import Path
from controlroom.stack.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), fsync=False)
server.start()
print("READY", server.process.pid, server.url, flush=True)
signal.pause()
"""
ORDINARY_USER = 1  # daemon, on every Debian and Red Hat; `initdb` refuses a user without a name


def store(server: EmbeddedPostgres, number: int) -> None:
    with psycopg.connect(server.conninfo) as connection:
        connection.execute("create table if not exists kept (number int)")
        connection.execute("insert into kept values (%s)", [number])


def stored(server: EmbeddedPostgres) -> list[int]:
    with psycopg.connect(server.conninfo) as connection:
        return [number for (number,) in connection.execute("select number from kept order by 1").fetchall()]


def postmaster(server: EmbeddedPostgres) -> int:
    assert server.process is not None
    return server.process.pid


def test_it_starts_answers_and_stops(short_dir: Path) -> None:
    server = EmbeddedPostgres(short_dir, fsync=False)
    server.start()
    pid = postmaster(server)
    with psycopg.connect(server.url) as connection:
        row = connection.execute("select upper('ä'), current_setting('listen_addresses')").fetchone()
    server.stop()
    assert row == ("Ä", "")
    assert not is_alive(pid)


def test_only_its_user_may_enter_the_data(short_dir: Path) -> None:
    server = EmbeddedPostgres(short_dir, fsync=False)
    server.start()
    status = server.home.stat()
    server.stop()
    account = database_account()
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == (account.uid if account else os.geteuid())


def test_what_was_committed_is_there_after_a_restart(short_dir: Path) -> None:
    server = EmbeddedPostgres(short_dir)
    server.start()
    store(server, 1)
    server.stop()
    server.start()
    numbers = stored(server)
    server.stop()
    assert numbers == [1]


def test_a_killed_server_starts_again_with_its_data(short_dir: Path) -> None:
    server = EmbeddedPostgres(short_dir)
    server.start()
    store(server, 1)
    os.kill(postmaster(server), signal.SIGKILL)  # its parent has not reaped it yet: a zombie, with a stale pid file
    server.release()
    second = EmbeddedPostgres(short_dir)
    second.start()
    numbers = stored(second)
    second.stop()
    server.stop()
    assert numbers == [1]


def test_a_pid_file_that_names_an_unrelated_process_is_no_hindrance(short_dir: Path) -> None:
    server = EmbeddedPostgres(short_dir, fsync=False)
    server.start()
    server.stop()
    (server.home / "postmaster.pid").write_text(f"{os.getpid()}\n{server.home}\n0\n5432\n\n\n\n\n")
    server.start()
    store(server, 1)
    numbers = stored(server)
    server.stop()
    assert numbers == [1]


def test_it_ends_when_its_owner_is_killed(short_dir: Path) -> None:
    with script(OWNER, short_dir) as owner:
        pid = server_pid(owner)
        owner.send_signal(signal.SIGKILL)
        assert eventually(lambda: not is_alive(pid))


def test_the_next_owner_starts_it_right_after_the_last_was_killed(short_dir: Path) -> None:
    with script(OWNER, short_dir) as owner:
        server_pid(owner)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        server = EmbeddedPostgres(short_dir, fsync=False)
        server.start()
        store(server, 2)
        numbers = stored(server)
        server.stop()
        assert 2 in numbers


def test_a_second_owner_is_refused_and_told_who_the_first_is(short_dir: Path) -> None:
    with script(OWNER, short_dir) as owner:
        server_pid(owner)
        with pytest.raises(StackError, match=f"in use by process {owner.pid}; .* CONTROLROOM_DATA"):
            EmbeddedPostgres(short_dir, fsync=False).start()


def test_a_cluster_that_was_begun_and_not_finished_is_made_anew(short_dir: Path) -> None:
    half = short_dir / "postgres.new-half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(short_dir, fsync=False)
    server.start()
    server.stop()
    assert not half.exists()


def test_a_cluster_of_another_version_is_refused_with_advice(short_dir: Path) -> None:
    server = EmbeddedPostgres(short_dir, fsync=False)
    server.home.mkdir()
    (server.home / "PG_VERSION").write_text("15\n")
    with pytest.raises(StackError, match="was made by PostgreSQL 15, this is 18"):
        server.start()


def test_a_long_path_gets_a_socket_folder_in_the_temp_directory(short_dir: Path) -> None:
    deep = short_dir / ("d" * 60) / ("e" * 60)
    server = EmbeddedPostgres(deep, fsync=False)
    server.start()
    folder = server.socket_dir
    store(server, 3)
    server.stop()
    assert folder != server.home
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()


def test_a_socket_folder_of_somebody_else_is_refused(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_dir))
    server = EmbeddedPostgres(short_dir / ("d" * 60) / ("e" * 60), fsync=False)
    folder = server.socket_dir
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="is not a 0700 directory"):
        server.start()
    server.stop()


@pytest.mark.root
def test_an_ordinary_user_runs_it_as_himself(short_dir: Path) -> None:
    home = short_dir / "home"
    home.mkdir(mode=0o700)
    os.chown(home, ORDINARY_USER, ORDINARY_USER)
    with script(OWNER_ELSEWHERE, short_dir, home) as owner:
        pid = server_pid(owner)
        uid = Path(f"/proc/{pid}").stat().st_uid
    assert uid == ORDINARY_USER


# The interpreter itself may lie in a home that the ordinary user cannot enter, so the change comes after the imports.
OWNER_ELSEWHERE = (
    f"""
import os, sys
import encodings.idna, controlroom.stack.postgres
os.setgroups([]); os.setgid({ORDINARY_USER}); os.setuid({ORDINARY_USER})
sys.argv[1] = sys.argv[2]
"""
    + OWNER
)


@pytest.mark.root
def test_under_a_closed_home_of_root_the_data_moves_and_it_says_so(short_dir: Path) -> None:
    closed = short_dir / "home"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data", fsync=False)
    try:
        server.start()
        store(server, 4)
        assert server.home == ROOT_HOME / short_name(closed / "data") / "postgres"
        assert str(server.home) in server.note
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700  # the home stays as closed as it was
    finally:
        server.stop()
        subprocess.run(["rm", "-rf", str(server.home.parent)], check=True)


@pytest.mark.root
def test_programs_in_a_closed_home_are_copied(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from controlroom.stack import postgres

    wheel = postgres._wheel()
    closed = short_dir / "venv"
    closed.mkdir(mode=0o700)
    originals = [str(wheel.parent), str(wheel.parent.parent / postgres.LIBRARIES)]
    subprocess.run(["cp", "-r", *originals, str(closed)], check=True)
    monkeypatch.setattr(postgres, "_wheel", lambda: closed / postgres.PACKAGE / postgres.INSTALLATION)
    server = EmbeddedPostgres(short_dir / "data", fsync=False)
    try:
        server.start()
        store(server, 5)
        assert server.child().argv[0].startswith(str(ROOT_HOME))
    finally:
        server.stop()
        subprocess.run(["rm", "-rf", str(server.home.parent)], check=True)


def test_it_takes_as_many_connections_as_it_was_asked_to(short_dir: Path) -> None:
    server = EmbeddedPostgres(short_dir, fsync=False, connections=6)
    server.start()
    opened = [psycopg.connect(server.conninfo) for _ in range(6)]
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        psycopg.connect(server.conninfo)
    for connection in opened:
        connection.close()
    server.stop()
