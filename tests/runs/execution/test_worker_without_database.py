"""A worker that comes up while the database is away is as good as any other once it is back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from chaos.proxy import Loop, Mode, Proxy
from controlroom.stack.postgres import SOCKET_NAME
from tests.runs.execution.processes import crew
from tests.runs.helpers import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PATIENCE_S = 180.0


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    loop = Loop()
    folder = str(conninfo_to_dict(os.environ["DATABASE_URL"])["host"])
    yield Proxy(Path(folder) / SOCKET_NAME, loop=loop)
    loop.stop()


def test_a_worker_that_could_not_register_is_watched_all_the_same(tmp_path: Path, proxy: Proxy) -> None:
    name = connection.settings_dict["NAME"]
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
    proxy.set(Mode.CUT)
    with crew(tmp_path) as hired:
        worker = hired.worker(DATABASE_URL=url)
        wait_until(lambda: worker.children, within_s=PATIENCE_S)  # it has tried to register by now

        hired.control()
        proxy.set(Mode.PASS)

        wait_until(worker.is_registered, within_s=PATIENCE_S)
        assert len(worker.watchdogs) == 1
