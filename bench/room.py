"""A control room of the bench's own: `controlroom up` on a free port and a fresh data directory."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.work import FUNCTIONS
from controlroom.stack.postgres import EmbeddedPostgres
from controlroom.stack.redis import EmbeddedValkey

READY_S = 60.0
LANE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Room:
    url: str
    token: str
    database_url: str
    redis_url: str
    broker_url: str
    ready_s: float

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, trust_env=False)


@contextmanager
def room(*, workers: int = 4) -> Iterator[Room]:
    """Start everything, yield when it is ready, stop everything."""
    with tempfile.TemporaryDirectory(prefix="controlroom-bench-") as folder:
        data = Path(folder)
        data.chmod(0o711)  # as root, PostgreSQL runs as `nobody`
        port, token = _free_port(), secrets.token_urlsafe(24)
        environment = {
            **os.environ,
            "CONTROLROOM_DATA": folder,
            "CONTROLROOM_PORT": str(port),
            "CONTROLROOM_API_TOKEN": token,
            "CONTROLROOM_DEMO": "0",
            "CONTROLROOM_WORKERS": str(workers),
            "CONTROLROOM_PYTHON_FUNCTIONS": FUNCTIONS,
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        }
        began = time.monotonic()
        with (data / "up.log").open("wb") as log:
            command = [str(Path(sys.executable).parent / "controlroom"), "up"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            _await_ready(url, process, data / "up.log")
            postgres, valkey = EmbeddedPostgres(data), EmbeddedValkey(data)
            yield Room(url, token, postgres.url, valkey.url, valkey.broker_url, time.monotonic() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"controlroom up ended with {process.returncode}:\n{log.read_text()}")
        try:
            if httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)  # between two looks
    raise SystemExit(f"not ready within {READY_S} s:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
