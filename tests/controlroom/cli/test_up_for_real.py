"""The whole control room, as `make up` starts it, without the demo."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.controlroom.stack.helpers import REPOSITORY, eventually, is_alive

UP = "from controlroom.cli import main; main(['up'], prog_name='controlroom')"
NOT_FOR_IT = ("DATABASE_URL", "REDIS_URL", "CONTROLROOM_BROKER_URL", "CONTROLROOM_SECRET_KEY", "CONTROLROOM_API_TOKEN")
READY_WITHIN_S = 180.0  # on a busy machine
STOPPED_WITHIN_S = 15.0


class Room:
    """A control room in a process of its own, and what it says."""

    def __init__(self, data: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.log = data.parent / "up.log"
        given = {name: value for name, value in os.environ.items() if name not in NOT_FOR_IT}
        given |= {"CONTROLROOM_DATA": str(data), "CONTROLROOM_PORT": str(self.port), "CONTROLROOM_DEMO": "0"}
        given |= {"CONTROLROOM_WORKERS": "1", "PYTHONPATH": str(REPOSITORY)}
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", UP], env=given, cwd="/", stdout=output, stderr=output
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.said
        return "Control Room is ready: " in self.said

    def children(self) -> dict[int, str]:
        """Pid and command line of each child."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = [int(word) for word in path.read_text().split()]
        return {pid: Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids}

    def child(self, words: str) -> int:
        return next(pid for pid, line in self.children().items() if words in line)


@contextmanager
def room_in(data: Path) -> Iterator[Room]:
    room = Room(data)
    try:
        assert eventually(room.is_ready, within_s=READY_WITHIN_S), room.said
        yield room
    finally:
        room.process.send_signal(signal.SIGTERM)
        room.process.wait(timeout=STOPPED_WITHIN_S * 2)


@pytest.mark.siege
def test_it_comes_up_heals_itself_and_leaves_nothing_behind(short_dir: Path) -> None:
    with room_in(short_dir / "data") as room:
        with urllib.request.urlopen(f"http://127.0.0.1:{room.port}/healthz", timeout=5) as answer:
            assert answer.status == 200
        assert room.said.splitlines()[-1] == f"Control Room is ready: http://127.0.0.1:{room.port}/"

        os.kill(room.child("bin/postgres"), signal.SIGKILL)
        assert eventually(lambda: bool(re.search(r"postgres restarted", room.said))), room.said

        pids = list(room.children())
        began = time.monotonic()
        room.process.send_signal(signal.SIGTERM)
        assert room.process.wait(timeout=STOPPED_WITHIN_S * 2) == 0
        assert time.monotonic() - began < STOPPED_WITHIN_S
        assert len(pids) == 5
        assert not any(map(is_alive, pids))
        assert "Stopped." in room.said
