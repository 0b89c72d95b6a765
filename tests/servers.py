"""Web servers in processes of their own, on the database of the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

APPLICATION = "controlroom.asgi:application"
SHARED = "tests-web"  # as PostgreSQL knows the connections of a server that many tests use
START_S = 120.0  # on a machine that has other things to do
END_S = 60.0


@contextmanager
def web_server(application: str = APPLICATION, *, pool: int = 4, name: str = "") -> Iterator[str]:
    """The address of a Daphne. It takes connections at once, and answers them when it has started.

    `name`: of its connections to PostgreSQL, when it is to be another than that of the product.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        number = listening.fileno()
        command = [sys.executable, "-m", "daphne", "--fd", str(number), application]
        environment = os.environ | {"DATABASE_URL": database_url(name=name), "CONTROLROOM_DB_POOL": str(pool)}
        daphne = subprocess.Popen(command, env=environment, pass_fds=[number])
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield address
    finally:
        daphne.terminate()
        daphne.wait(END_S)


def database_url(*, name: str = "") -> str:
    """How another process finds the test's database."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    shown = {"application_name": name} if name else {}
    return make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"], **shown)


@pytest.fixture(scope="session")
def daphne(django_db_setup: None) -> Iterator[str]:
    """The address of the web server that all tests of this process share. A test that stops one starts its own."""
    with web_server(name=SHARED) as address:
        _await_answer(address)
        yield address


@pytest.fixture(scope="session")
def impatient_daphne(django_db_setup: None) -> Iterator[str]:
    """The same with less patience for clients that do not read, and without polls: news arrives by hints alone."""
    with web_server("tests.controlroom.web.live.impatient:application", name=SHARED) as address:
        _await_answer(address)
        yield address


def _await_answer(address: str) -> None:
    with urlopen(f"{address}/healthz", timeout=START_S):
        pass
