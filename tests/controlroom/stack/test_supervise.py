from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from controlroom.stack.output import Console
from controlroom.stack.supervise import BACKOFF_FIRST_S, BACKOFF_MAX_S, StopRequested, Supervisor
from pulser.processes.child import Child, StackError
from tests.controlroom.stack.helpers import PATIENCE_S, eventually, is_alive, script

PATIENT = "trap 'echo bye; exit 0' TERM; touch $READY; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; touch $READY; while :; do sleep 0.05; done"
OWNER = """
import os, sys, tempfile
from pathlib import Path
from pulser.processes.child import Child
from controlroom.stack.supervise import Supervisor
GRACE_S = float(sys.argv[1])
with Supervisor() as supervisor:
    for name, code in zip(sys.argv[2::2], sys.argv[3::2]):
        mark = Path(tempfile.mkdtemp()) / name
        env = dict(os.environ, READY=str(mark))
        supervisor.start(Child(name=name, argv=["sh", "-c", code], env=env, ready=mark.exists, stop_grace_s=GRACE_S))
        mark.unlink()
        mark.parent.rmdir()
    supervisor.console.say("READY")
    supervisor.watch()
print("STOPPED", flush=True)
"""


def sh(name: str, code: str, **options: object) -> Child:
    return Child(name=name, argv=["sh", "-c", code], **options)  # type: ignore[arg-type]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(stream: io.StringIO) -> Iterator[Supervisor]:
    with Supervisor(Console(stream)) as supervisor:
        yield supervisor


@contextmanager
def owner_of(*, grace_s: float = 3.0, **codes: str) -> Iterator[subprocess.Popen[str]]:
    words = [word for pair in codes.items() for word in pair]
    with script(OWNER, grace_s, *words) as owner:
        assert owner.stdout is not None
        for line in owner.stdout:
            if line.startswith("READY"):
                break
        yield owner


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants_of(pid: int) -> list[int]:
    return [pid for child in children_of(pid) for pid in (child, *descendants_of(child))]


def test_children_start_one_after_the_other_each_when_the_last_is_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    first = tmp_path / "first"
    supervisor.start(sh("first", f"sleep 0.3; touch {first}; sleep 60", ready=first.exists))
    assert first.exists()
    supervisor.start(sh("second", "sleep 60"))


def test_a_child_that_does_not_come_up_is_named_with_how_it_ended_and_what_to_do(supervisor: Supervisor) -> None:
    child = sh("web", "echo port taken; exit 3", ready=lambda: False, hint="set CONTROLROOM_PORT")
    with pytest.raises(StackError, match=r"web ended before it was ready \(exit code 3\); set CONTROLROOM_PORT"):
        supervisor.start(child)


def test_a_child_that_is_never_ready_is_given_up(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match="web was not ready within 0 s"):
        supervisor.start(sh("web", "sleep 60", ready=lambda: False, ready_within_s=0.2))


def test_a_program_that_is_not_there_is_named(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match=r"web could not be started: .*no-such-program"):
        supervisor.start(Child(name="web", argv=["/no-such-program"]))


def test_a_child_that_dies_is_started_again_and_it_says_so(
    supervisor: Supervisor, stream: io.StringIO, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    supervisor.start(sh("web", f"echo $$ >> {pids}; exec sleep 60", ready=pids.exists))
    os.kill(int(pids.read_text()), signal.SIGKILL)
    assert supervisor.wait_for(lambda: len(pids.read_text().split()) == 2, within_s=PATIENCE_S)
    assert "web ended (signal SIGKILL); restarting in 0.5 s" in stream.getvalue()
    assert re.search(r"web restarted, process \d+", stream.getvalue())


def test_a_child_that_dies_again_and_again_is_given_more_and_more_time(
    supervisor: Supervisor, stream: io.StringIO
) -> None:
    supervisor.start(sh("web", "exit 7"))
    supervisor.wait_for(lambda: stream.getvalue().count("exit code 7") == 3, within_s=PATIENCE_S)
    assert re.findall(r"restarting in (\S+) s", stream.getvalue()) == ["0.5", "1", "2"]
    assert BACKOFF_FIRST_S < BACKOFF_MAX_S == 10.0


def test_lines_of_several_children_are_never_mixed(supervisor: Supervisor, stream: io.StringIO) -> None:
    code = "for i in $(seq 200); do printf '%s' aaaa; printf '%s\\n' bbbb; done"
    for name in ("web", "worker"):
        supervisor.start(sh(name, f"{code}; sleep 60"))
    supervisor.wait_for(lambda: stream.getvalue().count("\n") >= 400, within_s=PATIENCE_S)
    assert set(stream.getvalue().splitlines()) == {"web      | aaaabbbb", "worker   | aaaabbbb"}


def test_a_command_that_ends_gives_its_lines(supervisor: Supervisor) -> None:
    assert supervisor.run_once(sh("prepare", "echo one; printf two >&2")) == ["one", "two"]


def test_a_command_that_fails_is_an_error(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match=r"prepare failed \(exit code 4\)"):
        supervisor.run_once(sh("prepare", "exit 4"))


def test_children_stop_in_the_opposite_order() -> None:
    with owner_of(postgres=PATIENT, worker=PATIENT, web=PATIENT) as owner:
        owner.send_signal(signal.SIGTERM)
        said, _ = owner.communicate(timeout=PATIENCE_S)
    assert [line.split()[0] for line in said.splitlines() if "bye" in line] == ["web", "worker", "postgres"]


def test_a_stop_that_is_asked_for_while_a_child_starts_is_heard(supervisor: Supervisor) -> None:
    code = f"sleep 0.2; kill -TERM {os.getpid()}; sleep 60"
    with pytest.raises(StopRequested):
        supervisor.start(sh("web", code, ready=lambda: False))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_ends_well(number: signal.Signals) -> None:
    with owner_of(postgres=PATIENT, web="sleep 60 & sleep 61 & touch $READY; wait") as owner:
        pids = descendants_of(owner.pid)
        owner.send_signal(number)
        said, _ = owner.communicate(timeout=PATIENCE_S)
    assert (owner.returncode, said.splitlines()[-1]) == (0, "STOPPED")
    assert len(pids) >= 4
    assert eventually(lambda: not any(map(is_alive, pids)))


def test_a_child_that_will_not_listen_is_killed_when_its_time_is_up() -> None:
    with owner_of(web=STUBBORN) as owner:
        pids = descendants_of(owner.pid)
        began = time.monotonic()
        owner.send_signal(signal.SIGTERM)
        owner.communicate(timeout=PATIENCE_S)
    assert time.monotonic() - began >= 3.0
    assert not any(map(is_alive, pids))


def test_a_second_ctrl_c_does_not_wait() -> None:
    with owner_of(grace_s=90.0, web=STUBBORN) as owner:
        pids = descendants_of(owner.pid)
        owner.send_signal(signal.SIGINT)
        time.sleep(0.7)  # sooner, it would count as the same wish
        owner.send_signal(signal.SIGINT)
        owner.communicate(timeout=PATIENCE_S)
    assert not any(map(is_alive, pids))


def test_one_wish_that_arrives_twice_at_once_is_not_impatience() -> None:
    with owner_of(web="trap 'sleep 1; echo orderly; exit 0' TERM; touch $READY; while :; do sleep 0.05; done") as owner:
        owner.send_signal(signal.SIGTERM)
        owner.send_signal(signal.SIGINT)
        said, _ = owner.communicate(timeout=PATIENCE_S)
    assert "orderly" in said


def test_children_end_when_the_supervisor_is_killed() -> None:
    with owner_of(postgres=PATIENT, web=PATIENT) as owner:
        pids = children_of(owner.pid)
        owner.send_signal(signal.SIGKILL)
        assert len(pids) == 2
        assert eventually(lambda: not any(map(is_alive, pids)))


def test_lines_that_say_nothing_to_a_person_are_left_out(supervisor: Supervisor, stream: io.StringIO) -> None:
    supervisor.run_once(sh("valkey", "echo bye bye; echo disk full", noise=["bye bye"]))
    assert stream.getvalue() == "valkey   | disk full\n"


def test_what_outlived_a_child_that_died_is_gone_after_the_stop(stream: io.StringIO, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with Supervisor(Console(stream)) as supervisor:
        supervisor.start(
            sh("worker", f"sleep 60 & echo $! > {pids}.new; mv {pids}.new {pids}; wait", ready=pids.exists)
        )
        orphan = int(pids.read_text())
        os.kill(os.getpgid(orphan), signal.SIGKILL)
        supervisor.wait_for(lambda: "restarted" in stream.getvalue(), within_s=PATIENCE_S)
        assert is_alive(orphan)
    assert eventually(lambda: not is_alive(orphan))


LEAVES = "setsid sh -c 'echo $$ > {pids}.new; sleep 60 & echo $! >> {pids}.new; mv {pids}.new {pids}; wait' & "


def test_what_children_set_apart_is_gone_after_the_stop(stream: io.StringIO, tmp_path: Path) -> None:
    """A step has a session of its own; when its worker is killed, what it had started stays."""
    pids = tmp_path / "pids"
    with Supervisor(Console(stream)) as supervisor:
        supervisor.start(sh("worker", LEAVES.format(pids=pids) + "wait", ready=pids.exists))
        left = [int(word) for word in pids.read_text().split()]
    assert len(left) == 2
    assert not any(map(is_alive, left))


def test_orphans_that_have_ended_are_not_kept_as_zombies(supervisor: Supervisor, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    supervisor.start(sh("worker", LEAVES.format(pids=pids) + "exec sleep 60", ready=pids.exists))
    (shell, sleep) = (int(word) for word in pids.read_text().split())
    os.kill(shell, signal.SIGKILL)
    os.kill(sleep, signal.SIGKILL)
    assert supervisor.wait_for(lambda: not Path(f"/proc/{sleep}").exists(), within_s=PATIENCE_S)
