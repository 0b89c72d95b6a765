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
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.work import FUNCTIONS
from controlroom.stack.postgres import EmbeddedPostgres
from controlroom.stack.redis import EmbeddedValkey

READY_S = 180.0  # on a machine that has other things to do
LANE_LIMIT = 1000
SERVERS = ("DATABASE_URL", "REDIS_URL", "CONTROLROOM_BROKER_URL")  # it has its own


@dataclass(frozen=True, slots=True)
class Room:
    """`environment` is what it was started with, and what further workers of it need; `pid` is its supervisor."""

    url: str
    token: str
    database_url: str
    redis_url: str
    broker_url: str
    ready_s: float
    data: Path
    pid: int
    environment: Mapping[str, str]

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, trust_env=False)


@contextmanager
def room(*, workers: int = 4, folder: Path | None = None, **settings: str) -> Iterator[Room]:
    """Start everything, yield when it is ready, stop everything.

    `folder`: the data directory, else a fresh one. `settings`: more of its environment.
    """
    with ExitStack() as stack:
        data = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="controlroom-bench-")))
        data.chmod(0o711)  # as root, PostgreSQL runs as `nobody`
        port, token = _free_port(), secrets.token_urlsafe(24)
        environment = {
            **{name: value for name, value in os.environ.items() if name not in SERVERS},
            "CONTROLROOM_DATA": str(data),
            "CONTROLROOM_PORT": str(port),
            "CONTROLROOM_API_TOKEN": token,
            "CONTROLROOM_ADMIN_PASSWORD": secrets.token_urlsafe(24),
            "CONTROLROOM_DEMO": "0",
            "CONTROLROOM_WORKERS": str(workers),
            "CONTROLROOM_PYTHON_FUNCTIONS": FUNCTIONS,
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
            **settings,
        }
        began = time.monotonic()
        with (data / "up.log").open("wb") as log:
            command = [str(Path(sys.executable).parent / "controlroom"), "up"]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            _await_ready(url, process, data / "up.log")
            postgres, valkey = EmbeddedPostgres(data), EmbeddedValkey(data)
            yield Room(
                url=url,
                token=token,
                database_url=postgres.url,
                redis_url=valkey.url,
                broker_url=valkey.broker_url,
                ready_s=time.monotonic() - began,
                data=data,
                pid=process.pid,
                environment=environment,
            )
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
