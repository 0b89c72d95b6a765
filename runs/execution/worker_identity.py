"""Who this worker is: a name that tells one process group from all others, also after a restart."""

from __future__ import annotations

import os
import socket
from functools import cache

from runs.transitions.claim import Claimant


@cache
def host() -> str:
    return socket.gethostname()


def worker_name(pid: int) -> str:
    return f"{host()}-{pid}"


_main_pid = os.getpid()


def set_main_pid(pid: int) -> None:
    """A pool process works in the name of the process that forked it."""
    global _main_pid  # noqa: PLW0603  (a process has one, and forked ones inherit it)
    _main_pid = pid


def main_pid() -> int:
    return _main_pid


def claimant() -> Claimant:
    """The identity that claims carry."""
    return Claimant(name=worker_name(_main_pid), host=host(), process=os.getpid())
