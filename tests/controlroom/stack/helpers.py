"""Owners of embedded servers as processes of their own, so that they can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0


def eventually(is_so: Callable[[], bool], *, within_s: float = PATIENCE_S) -> bool:
    """Whether something becomes so in time."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    """A zombie is not alive: it only waits to be counted."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextmanager
def script(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Python code in a process of its own, which is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=dict(os.environ) | {"PYTHONPATH": str(REPOSITORY)},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


def server_pid(owner: subprocess.Popen[str]) -> int:
    """The pid in the line `READY <pid> ...` that an owner prints when its server answers."""
    assert owner.stdout is not None
    said = []
    for line in owner.stdout:
        if line.startswith("READY"):
            return int(line.split()[1])
        said.append(line)
    raise AssertionError("the owner ended: " + "".join(said))
