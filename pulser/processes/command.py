"""Run one command to its end: a group of its own, a clean end, output as it comes, bounded memory.

A child never outlives the call: it is ended when it is told to stop, and by the kernel (parent-death signal) when the
worker dies. That signal comes when the *thread* that forked ends; `run_command` blocks its thread until the child is
gone, so the thread lives as long as the child whatever thread calls it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CHUNK_BYTES = 64 * 1024
LOOK_S = 0.1  # seconds between two looks, at most
DRAIN_S = 1.0  # for output of background children after the main process ended
_SETTLE_S = 0.1  # for the pipes to close after SIGKILL
_FIRST_PAUSE_S = 0.001
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_TERMINATING = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)

# Looked up before any fork: the child must not import or load anything. PyDLL keeps the GIL, so that the child does not
# hand it to a thread that the fork left behind.
_prctl = ctypes.PyDLL(None, use_errno=True).prctl


@dataclass(frozen=True, slots=True)
class Command:
    """What to start. `env` is the whole environment; `memory_bytes` bounds the address space, 0 lifts the bound."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    stdin: bytes = b""
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Exit:
    """How it ended: the exit code (128 + n by signal n, as shells say it), and the last bytes of each stream."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    was_stopped: bool


class CannotStart(Exception):
    """The command could not be started. `cause` says why."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """How a command is treated while it runs.

    `write` gets output as it comes, by stream; `started` the number of the process group. `should_stop` is asked again
    and again; `grace_s` seconds lie between SIGTERM and SIGKILL; `tail_bytes` of each stream are kept.
    """

    write: Callable[[str, bytes], None]
    started: Callable[[int], None]
    should_stop: Callable[[], bool]
    grace_s: float
    tail_bytes: int


def run_command(command: Command, handling: CommandOptions) -> Exit:
    """Run it to its end. Raises CannotStart. No process of its group is left when this returns."""
    pipes = _Pipes(stdin=command.stdin, write=handling.write, tail_bytes=handling.tail_bytes)
    child = _start(command)
    try:
        pipes.attach(child)
        handling.started(child.pid)
        was_stopped = _attend(child, pipes, handling)
    finally:
        exit_code = _finish(child, pipes)
    return Exit(exit_code, stdout=pipes.tail("stdout"), stderr=pipes.tail("stderr"), was_stopped=was_stopped)


def _attend(child: subprocess.Popen[bytes], pipes: _Pipes, handling: CommandOptions) -> bool:
    """Pumps until the child is done. True when it had to be told to stop."""
    pipes.pump(until=lambda: _has_ended(child) or handling.should_stop())
    if _has_ended(child):
        # What it left in the background may hold the pipes open for ever; its last words are waited for, not its end.
        pipes.pump(until=lambda: pipes.are_closed or handling.should_stop(), for_s=DRAIN_S)
        return False
    _signal_group(child, signal.SIGTERM)
    pipes.pump(until=lambda: _has_ended(child) and pipes.are_closed, for_s=handling.grace_s)
    return True


def _finish(child: subprocess.Popen[bytes], pipes: _Pipes) -> int:
    """Kills what is left of the group, takes the last output, reaps the child. Returns its exit code."""
    # The child is reaped last: as long as it is a zombie, no stranger can get its number as a group.
    _signal_group(child, signal.SIGKILL)
    try:
        pipes.pump(until=lambda: pipes.are_closed, for_s=_SETTLE_S)
    finally:
        pipes.close()
        status = child.wait()
    return status if status >= 0 else 128 - status


def _start(command: Command) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            preexec_fn=_prepare_child(command.memory_bytes),  # noqa: PLW1509  what it calls was made ready above
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise CannotStart(error) from error


def _prepare_child(memory_bytes: int) -> Callable[[], None]:
    parent = os.getpid()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)

    def prepare() -> None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
        for number in _TERMINATING:  # a pool process ignores SIGINT, and exec would hand that on
            signal.signal(number, signal.SIG_DFL)
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return prepare


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended, without reaping it."""
    try:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


class _Pipes:
    """The three pipes of a child: feeds the one, drains the others, keeps the tail of what came."""

    def __init__(self, *, stdin: bytes, write: Callable[[str, bytes], None], tail_bytes: int) -> None:
        self._write = write
        self._tail_bytes = tail_bytes
        self._input = memoryview(stdin)
        self._tails = {"stdout": bytearray(), "stderr": bytearray()}
        self._files: dict[str, IO[bytes]] = {}
        self._selector = selectors.DefaultSelector()

    @property
    def are_closed(self) -> bool:
        """Whether everybody who could write has closed both streams."""
        return not self._files.keys() & self._tails.keys()

    def attach(self, child: subprocess.Popen[bytes]) -> None:
        for name, file in (("stdin", child.stdin), ("stdout", child.stdout), ("stderr", child.stderr)):
            if file is not None:
                os.set_blocking(file.fileno(), False)
                self._files[name] = file
                events = selectors.EVENT_WRITE if name == "stdin" else selectors.EVENT_READ
                self._selector.register(file, events, name)

    def tail(self, name: str) -> bytes:
        return bytes(self._tails[name])

    def pump(self, *, until: Callable[[], bool], for_s: float = float("inf")) -> None:
        """Moves data until the condition holds or the time is over."""
        ends, pause = time.monotonic() + for_s, _FIRST_PAUSE_S
        while not until() and (left := ends - time.monotonic()) > 0:
            # The end of a process wakes no selector, so the pauses start short and grow while nothing moves.
            moved = self._move(min(pause, left))
            pause = _FIRST_PAUSE_S if moved else min(pause * 2, LOOK_S)

    def close(self) -> None:
        for name in list(self._files):
            self._drop(name)
        self._selector.close()

    def _move(self, timeout_s: float) -> bool:
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            with suppress(BlockingIOError):
                if key.data == "stdin":
                    self._feed(key.fd)
                else:
                    self._drain(key.fd, name=key.data)
        return bool(ready)

    def _feed(self, fd: int) -> None:
        try:
            sent = os.write(fd, self._input[:CHUNK_BYTES])
        except BrokenPipeError:  # it does not want to read: its business
            sent = len(self._input)
        self._input = self._input[sent:]
        if not self._input:
            self._drop("stdin")

    def _drain(self, fd: int, *, name: str) -> None:
        data = os.read(fd, CHUNK_BYTES)
        if not data:
            self._drop(name)
            return
        tail = self._tails[name]
        tail += data
        del tail[: -self._tail_bytes]
        self._write(name, data)

    def _drop(self, name: str) -> None:
        file = self._files.pop(name)
        self._selector.unregister(file)
        file.close()
