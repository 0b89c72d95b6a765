"""One child process: how it is described, started, waited for and ended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pulser.processes.account import Account

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_INTERVAL = 0.03  # seconds
HARDER_GRACE_S = 0.5
LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before any fork: a forked child must not load libraries


class StackError(Exception):
    """A part of the embedded stack cannot be used. The message says what to do."""


def always() -> bool:
    return True


def nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Child:
    """What to run and how to treat it. Times are in seconds."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: str | None = None
    account: Account | None = None
    prepare: Callable[[], None] = nothing  # before every start, so also before a restart
    ready: Callable[[], bool] = always
    ready_within_s: float = 120.0
    stop_signal: signal.Signals = signal.SIGTERM
    harder_signal: signal.Signals = signal.SIGKILL  # when `stop_signal` was too slow
    stop_grace_s: float = 10.0
    restart: bool = True
    noise: Sequence[str] = ()  # lines with one of these say nothing to a person, and are not shown
    hint: str = ""  # what a person can do when it does not come up


def spawn(child: Child, *, output: int | IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start the child in a process group of its own; the kernel ends it when this process dies.

    Call it from the main thread: the kernel ties the death signal to the thread that forked.
    """
    child.prepare()
    account = child.account
    return subprocess.Popen(
        list(child.argv),
        env=dict(child.env),
        cwd=child.cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        process_group=0,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        # No threads here, so this is safe; it runs after the change of user, which would clear the death signal.
        preexec_fn=_set_parent_death_signal(os.getpid(), child.stop_signal),  # noqa: PLW1509
    )


def _set_parent_death_signal(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def arm() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the signal was armed
            os._exit(1)

    return arm


def wait_until_ready(
    child: Child, process: subprocess.Popen[bytes], *, pause: Callable[[float], None] = time.sleep
) -> None:
    """Return once the child answers. Raises StackError when it ends first, or does not answer in time."""
    deadline = time.monotonic() + child.ready_within_s
    while not child.ready():
        if process.poll() is not None:
            raise StackError(explain(child, f"ended before it was ready ({describe_exit(process.returncode)})"))
        if time.monotonic() > deadline:
            raise StackError(explain(child, f"was not ready within {child.ready_within_s:.0f} s"))
        pause(POLL_INTERVAL)


def explain(child: Child, what: str) -> str:
    return f"{child.name} {what}" + (f"; {child.hint}" if child.hint else "")


def describe_exit(returncode: int) -> str:
    """`exit code 3`, or `signal SIGKILL`."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"signal {signal.Signals(-returncode).name}"
    except ValueError:
        return f"signal {-returncode}"


def wait_for_end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Return when the process is gone, or patience is."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience_s)


def end(
    child: Child,
    process: subprocess.Popen[bytes],
    *,
    wait: Callable[[subprocess.Popen[bytes], float], None] = wait_for_end,
) -> None:
    """Stop the child: politely, then harder, then its whole group with SIGKILL. Returns when it is gone."""
    for number, patience_s in ((child.stop_signal, child.stop_grace_s), (child.harder_signal, HARDER_GRACE_S)):
        if process.poll() is None:
            process.send_signal(number)
            wait(process, patience_s)
    kill_group(process.pid)
    process.wait()


def is_group_alive(group: int) -> bool:
    """Whether a process group of our own session has members. Numbers are used again: the session tells whose it is."""
    return any(_group_and_session(entry) == (group, os.getsid(0)) for entry in Path("/proc").glob("[0-9]*"))


def _group_and_session(entry: Path) -> tuple[int, int] | None:
    try:
        words = (entry / "stat").read_text().rpartition(")")[2].split()  # proc(5): state, ppid, pgrp, session
    except OSError:
        return None
    return None if words[0] in "ZX" else (int(words[2]), int(words[3]))


def kill_group(group: int) -> None:
    """SIGKILL to every process that is left of a group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
