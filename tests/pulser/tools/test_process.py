from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pulser.language.limits import LOG_CHUNK_BYTES, MIB, STREAM_TAIL_BYTES
from pulser.tools.base import Cancelled, PermanentError, TimedOut, ToolContext
from pulser.tools.process import Command, ProcessResult, run
from tests.pulser.tools.conftest import MakeContext


def sh(script: str, *, context: ToolContext, stdin: bytes = b"", memory_bytes: int = 0) -> ProcessResult:
    env = {"PATH": os.environ["PATH"]}
    command = Command(("sh", "-c", script), cwd=context.workdir, env=env, stdin=stdin, memory_bytes=memory_bytes)
    return run(command, context=context)


def eventually(condition: Callable[[], bool], *, within_s: float = 60.0) -> bool:
    ends = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def is_running(pid: int) -> bool:
    """Not gone, and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_output_arrives_while_the_process_runs(make_context: MakeContext) -> None:
    context = make_context()
    seen = threading.Event()

    def write(stream: str, data: bytes) -> None:
        (context.workdir / "go").touch()
        seen.set()

    context.write = write
    ended = sh("echo first; until [ -e go ]; do sleep 0.02; done; echo second", context=context)

    assert (seen.is_set(), ended.stdout) == (True, "first\nsecond\n")


def test_both_streams_are_drained_at_once(make_context: MakeContext) -> None:
    script = "head -c 300000 /dev/zero | tr '\\0' e >&2; head -c 300000 /dev/zero | tr '\\0' o"

    ended = sh(script, context=make_context())

    assert (ended.stdout, ended.stderr) == ("o" * STREAM_TAIL_BYTES, "e" * STREAM_TAIL_BYTES)


def test_a_large_input_does_not_block_the_output(make_context: MakeContext) -> None:
    ended = sh("cat | wc -c", context=make_context(), stdin=b"x" * MIB)

    assert ended.stdout.strip() == str(MIB)


def test_a_process_that_does_not_read_its_input_ends_well(make_context: MakeContext) -> None:
    assert sh("exec true", context=make_context(), stdin=b"x" * MIB).exit_code == 0


def test_a_hundred_megabytes_of_output_do_not_grow_memory(make_context: MakeContext) -> None:
    sizes: list[int] = []
    context = make_context(write=lambda stream, data: sizes.append(len(data)))
    tracemalloc.start()
    try:
        sh("head -c 100000000 /dev/zero", context=context)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (sum(sizes), max(sizes) <= LOG_CHUNK_BYTES, peak < 2 * MIB) == (100_000_000, True, True)


def test_broken_utf8_and_nul_become_replacement_characters(make_context: MakeContext) -> None:
    assert sh(r"printf 'a\377b\000c'", context=make_context()).stdout == "a\ufffdb\ufffdc"


def test_the_chunks_are_the_bytes_as_they_came(make_context: MakeContext, written: list[tuple[str, bytes]]) -> None:
    sh(r"printf 'a\377b\000c'", context=make_context())

    assert b"".join(data for _, data in written) == b"a\xffb\x00c"


def test_a_process_killed_by_a_signal_has_the_exit_code_of_shells(make_context: MakeContext) -> None:
    assert sh("kill -9 $$", context=make_context()).exit_code == 128 + signal.SIGKILL


def test_a_background_child_that_holds_the_pipes_does_not_hold_the_step(make_context: MakeContext) -> None:
    began = time.monotonic()

    ended = sh("sleep 60 & echo $!", context=make_context())

    assert ended.exit_code == 0
    assert time.monotonic() - began < 30
    assert eventually(lambda: not is_running(int(ended.stdout)))


def test_a_background_child_without_the_pipes_is_ended_too(make_context: MakeContext) -> None:
    ended = sh("sleep 60 >/dev/null 2>&1 & echo $!", context=make_context())

    assert eventually(lambda: not is_running(int(ended.stdout)))


def test_a_background_child_may_say_its_last_words(make_context: MakeContext) -> None:
    assert sh("(sleep 0.2; echo late) & echo early", context=make_context()).stdout == "early\nlate\n"


def test_a_swarm_of_children_in_new_sessions_does_not_hold_the_step(make_context: MakeContext) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do setsid sleep 20 & done; echo started"
    began = time.monotonic()

    ended = sh(script, context=make_context())

    assert (ended.stdout, time.monotonic() - began < 15) == ("started\n", True)


def test_a_process_past_its_time_is_asked_to_end(make_context: MakeContext) -> None:
    context = make_context(timeout_s=0.3, settings={"kill_grace_s": 10})

    with pytest.raises(TimedOut) as caught:
        sh("trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.05; done", context=context)

    assert caught.value.outputs["stdout"] == "hello\nbye\n"


def test_a_child_that_ignores_sigterm_is_killed(make_context: MakeContext) -> None:
    context = make_context(timeout_s=0.3)
    began = time.monotonic()

    with pytest.raises(TimedOut):
        sh("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done", context=context)

    assert time.monotonic() - began < 9  # the usual grace is 10
    assert not is_running(int((context.workdir / "pid").read_text()))


def test_a_grandchild_gets_the_grace_period_when_its_parent_goes_first(make_context: MakeContext) -> None:
    context = make_context(timeout_s=0.5, settings={"kill_grace_s": 5})

    with pytest.raises(TimedOut):
        sh("sh -c 'trap \"sleep 0.3; touch tidied; exit\" TERM; while :; do sleep 0.05; done'; :", context=context)

    assert (context.workdir / "tidied").exists()


def test_cancelling_ends_the_whole_group(make_context: MakeContext) -> None:
    context = make_context()

    def write(stream: str, data: bytes) -> None:
        context.cancelled.set()

    context.write = write
    with pytest.raises(Cancelled):
        sh("sleep 60 & echo $! > pid; echo ready; wait", context=context)

    assert eventually(lambda: not is_running(int((context.workdir / "pid").read_text())))


def test_the_worker_is_told_the_process_group(make_context: MakeContext) -> None:
    groups: list[int] = []

    ended = sh("echo $$", context=make_context(started_group=groups.append))

    assert groups == [int(ended.stdout)]


def test_a_failing_write_ends_the_child(make_context: MakeContext) -> None:
    def write(stream: str, data: bytes) -> None:
        raise OSError("disk full")

    groups: list[int] = []
    with pytest.raises(OSError, match="disk full"):
        sh("echo x; sleep 60", context=make_context(write=write, started_group=groups.append))

    assert not is_running(groups[0])


def test_memory_past_the_limit_is_refused_to_the_child(make_context: MakeContext) -> None:
    script = f"exec {sys.executable} -S -c 'bytearray(1 << 30)'"

    ended = sh(script, context=make_context(), memory_bytes=256 * MIB)

    assert (ended.exit_code, "MemoryError" in ended.stderr) == (1, True)


def test_a_child_can_be_interrupted_though_the_worker_ignores_sigint(make_context: MakeContext) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ended = sh("kill -INT $$; echo survived", context=make_context())
    finally:
        signal.signal(signal.SIGINT, before)

    assert (ended.exit_code, ended.stdout) == (128 + signal.SIGINT, "")


def test_a_command_that_is_not_there_is_a_permanent_error(make_context: MakeContext) -> None:
    context = make_context()

    with pytest.raises(PermanentError, match="not found") as caught:
        run(Command(("no-such-command",), cwd=context.workdir, env={}), context=context)

    assert caught.value.exit_code == 127


WORKER = """
import sys, threading
from pathlib import Path
from pulser.tools.base import ToolContext
from pulser.tools.process import Command, run
context = ToolContext(workdir=Path("."), timeout_s=60, idempotency_key="")
context.started_group = lambda pgid: print(pgid, flush=True)
run(Command(("sleep", "60"), cwd=Path("."), env={"PATH": sys.argv[1]}), context=context)
"""


def test_a_child_dies_with_its_killed_worker() -> None:
    argv = [sys.executable, "-c", WORKER, os.environ["PATH"]]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={"PYTHONPATH": str(Path.cwd())}) as worker:
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        worker.kill()

    assert eventually(lambda: not is_running(child))
