from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest
import redis

from controlroom.stack.redis import EmbeddedValkey
from pulser.processes.child import StackError
from tests.controlroom.stack.helpers import eventually, is_alive, script, server_pid

OWNER = """
import sys, signal
from pathlib import Path
from controlroom.stack.redis import EmbeddedValkey
server = EmbeddedValkey(Path(sys.argv[1]))
server.start()
print("READY", server.process.pid, flush=True)
signal.pause()
"""


def client(server: EmbeddedValkey) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_it_listens_on_its_socket_alone_and_keeps_its_data(short_dir: Path) -> None:
    server = EmbeddedValkey(short_dir)
    server.start()
    with client(server) as connection:
        connection.set("kept", "yes")
        port = connection.config_get("port")["port"]
    mode = stat.S_IMODE(server.socket.stat().st_mode)
    server.stop()
    server.start()
    with client(server) as connection:
        kept = connection.get("kept")
    server.stop()
    assert (port, mode, kept) == ("0", 0o700, b"yes")


def test_a_killed_server_starts_again(short_dir: Path) -> None:
    server = EmbeddedValkey(short_dir)
    server.start()
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.stop()
    server.start()
    with client(server) as connection:
        assert connection.ping()
    server.stop()


def test_it_ends_when_its_owner_is_killed(short_dir: Path) -> None:
    with script(OWNER, short_dir) as owner:
        pid = server_pid(owner)
        owner.send_signal(signal.SIGKILL)
        assert eventually(lambda: not is_alive(pid))


def test_a_second_owner_is_refused(short_dir: Path) -> None:
    server = EmbeddedValkey(short_dir)
    server.start()
    with pytest.raises(StackError, match="in use by process"):
        EmbeddedValkey(short_dir).start()
    server.stop()


def test_celery_and_redis_py_get_databases_of_their_own(short_dir: Path) -> None:
    server = EmbeddedValkey(short_dir)
    assert server.url == f"unix://{short_dir}/valkey/valkey.sock?db=1"
    assert server.broker_url == f"redis+socket://{short_dir}/valkey/valkey.sock?virtual_host=0"
