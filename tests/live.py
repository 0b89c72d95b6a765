"""Fixtures for tests of the live feed. Django is set up after this file is read: fixtures import what needs it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from asgiref.sync import sync_to_async


@pytest.fixture
def quick_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.stream.feed.POLL_INTERVAL", 0.2)


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives, arrives by hints."""
    monkeypatch.setattr("runs.stream.feed.POLL_INTERVAL", 3600.0)


@pytest.fixture
async def committed(transactional_db: None) -> AsyncIterator[None]:
    """Data that other connections see; afterwards no thread keeps one open."""
    from django.db import connections

    from runs.stream import feed

    yield
    async with asyncio.timeout(2):  # a test that leaves a viewer behind fails here
        while not feed.current().is_asleep:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await sync_to_async(connections.close_all)()


@pytest.fixture
def daphne(transactional_db: None) -> Iterator[str]:
    """A real server on the test's database; its address without a scheme."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "daphne",
            "--fd",
            str(listening.fileno()),
            "tests.controlroom.web.live.impatient:application",
        ]
        url = make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])
        environment = os.environ | {"DATABASE_URL": url, "CONTROLROOM_DB_POOL": "4"}
        server = subprocess.Popen(command, env=environment, pass_fds=[listening.fileno()])
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)
