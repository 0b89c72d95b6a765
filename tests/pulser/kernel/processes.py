"""Processes that a step has left behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.pulser.kernel.waiting import wait_until


@contextmanager
def left_over(key: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that an earlier attempt of the step has left behind, leading a group of its own."""
    env = {**os.environ, "PULSER_IDEMPOTENCY_KEY": key}
    process = subprocess.Popen(["sleep", "60"], env=env, start_new_session=True)
    try:
        wait_until(lambda: key.encode() in _environ(process.pid))
        yield process
    finally:
        process.kill()
        process.wait()


def _environ(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()
