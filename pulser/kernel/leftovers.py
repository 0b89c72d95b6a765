"""Processes that an earlier attempt of a step left behind on this host."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path

logger = logging.getLogger(__name__)


def end_leftovers(group: int, *, idempotency_key: str) -> bool:
    """Kill what is left of an earlier attempt's process group. Returns whether there was anything.

    The number may belong to somebody else by now: only a group with a member that carries our key is ended.
    """
    mark = f"PULSER_IDEMPOTENCY_KEY={idempotency_key}".encode()
    if not any(mark in _environ(pid) for pid in _members(group)):
        return False
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    logger.warning("ended process group %s, left over from an earlier attempt of %s", group, idempotency_key)
    return True


def _members(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group:
                found.append(int(entry.name))
    return found


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
