"""A real server on the test's database, and the commands as a user calls them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner, Result

if TYPE_CHECKING:
    from pathlib import Path

READY_WITHIN_S = 120.0

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    """The address of a Daphne that serves the database of the tests."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "daphne", "--fd", str(listening.fileno()), "controlroom.asgi:application"]
        url = make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])
        environment = os.environ | {"DATABASE_URL": url, "CONTROLROOM_DB_POOL": "4"}
        daphne = subprocess.Popen(command, env=environment, pass_fds=[listening.fileno()])
        port = listening.getsockname()[1]
    try:
        # The kernel takes the connection at once; the answer comes when the server is up.
        httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=READY_WITHIN_S, trust_env=False)
        yield f"http://127.0.0.1:{port}"
    finally:
        daphne.terminate()
        daphne.wait(timeout=20)


@pytest.fixture
def address(server: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The environment of an operator who has a token."""
    from tests.factories import make_lane, make_session, make_token

    for position, name in enumerate("ABCD"):
        make_lane(name, position=position)
    make_session()
    monkeypatch.setenv("CONTROLROOM_URL", server)
    monkeypatch.setenv("CONTROLROOM_API_TOKEN", make_token("operator"))
    monkeypatch.setenv("CONTROLROOM_DATA", str(tmp_path))
    return server


@pytest.fixture
def cli() -> Cli:
    """Calls a command in this process: `cli("run", "hello", "--json")`."""
    from controlroom.cli import main

    def call(*arguments: str, text: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, list(arguments), input=text, catch_exceptions=False)

    return call
