"""Connections to PostgreSQL are bounded, each process shows who it is, and none left is an answer, not a crash."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from controlroom.database import django_database
from runs import hints
from runs.models import Run
from runs.transitions.locked_run import lock_run
from tests.factories import make_token, start
from tests.runs.execution.plans import plan, shell
from tests.runs.execution.processes import crew
from tests.runs.helpers import wait_until
from tests.servers import web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PATIENCE_S = 120.0  # on a machine that has other things to do
SLOTS = 2
POOL = 3


@contextmanager
def web(*, pool: int) -> Iterator[httpx.Client]:
    """A real Daphne on the test's database, and a client that may do everything."""
    headers = {"Authorization": f"Bearer {make_token('admin')}"}
    with (
        web_server(pool=pool) as address,
        httpx.Client(base_url=address, headers=headers, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        client.get("/healthz")  # the kernel takes the connection at once; the answer comes when the server is up
        yield client


def asked(query: str) -> list[tuple[str, int]]:
    """On a connection to another database, and outside of the test's transaction, which sees its own moment only."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        return other.execute(query, [connection.settings_dict["NAME"]]).fetchall()


def connections() -> Counter[str]:
    return Counter(dict(asked("SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = %s GROUP BY 1")))


def wait_for_locks() -> bool:
    query = "SELECT state, count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' GROUP BY 1"
    return bool(asked(query))


@contextmanager
def no_new_connections() -> Iterator[None]:
    """As when all of them are taken: whoever connects is refused. Connections that stand go on."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        try:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            yield
        finally:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_under_load_no_process_has_more_connections_than_it_may(tmp_path: Path) -> None:
    most: Counter[str] = Counter()
    hints.redis_client().flushall()  # the messages of all tests before
    with crew(tmp_path) as hired, web(pool=POOL) as client, ThreadPoolExecutor(16) as people:
        worker, _ = hired.worker(slots=SLOTS), hired.control()
        wait_until(worker.is_registered, within_s=PATIENCE_S)
        runs = [start(plan(*(shell(f"s{number}", "sleep 0.2") for number in range(4)))) for _ in range(6)]
        answers = [people.submit(client.get, f"/api/v1/runs/{run.pk}") for run in runs * 20]

        def have_ended() -> bool:
            most.update(connections() - most)  # the larger of both
            return not Run.objects.unfinished().exists() and all(answer.done() for answer in answers)

        wait_until(have_ended, within_s=PATIENCE_S)

    assert {answer.result().status_code for answer in answers} == {200}
    assert {name: most[name] > 0 for name in most if name.startswith("controlroom-")} == dict.fromkeys(
        ("controlroom-web", "controlroom-worker", "controlroom-control"), True
    )
    assert most["controlroom-web"] <= POOL
    assert most["controlroom-worker"] <= 2 * SLOTS + 2  # two a slot, the main process, its watchdog
    assert most["controlroom-control"] == 1


def test_who_finds_no_free_connection_is_told_to_come_back() -> None:
    run = start()
    with web(pool=1) as client, ThreadPoolExecutor(1) as others:
        with lock_run(str(run.pk)):
            busy = others.submit(client.post, f"/api/v1/runs/{run.pk}/cancel")
            wait_until(wait_for_locks)
            told = client.get("/api/v1/runs")
        assert busy.result().status_code == 200
        assert client.get("/api/v1/runs").status_code == 200

    assert (told.status_code, told.headers["Retry-After"]) == (503, "5")
    assert "no free connection" in told.json()["detail"]


def test_a_database_that_takes_nobody_is_503_everywhere_and_heals() -> None:
    run = start()
    cookie = sign_in()
    paths = ("/api/v1/runs", f"/api/v1/runs/{run.pk}/events/stream", "/", f"/runs/{run.pk}", "/readyz")
    with web(pool=POOL) as client, ThreadPoolExecutor(len(paths)) as people:
        client.cookies.set(settings.SESSION_COOKIE_NAME, cookie)
        with no_new_connections():
            answers = dict(zip(paths, people.map(client.get, paths), strict=True))
            assert client.get("/healthz").status_code == 200
        wait_until(lambda: client.get("/api/v1/runs").status_code == 200, within_s=PATIENCE_S)

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 503)
    assert {answers[path].headers["Retry-After"] for path in paths if path != "/readyz"} == {"5"}


def sign_in() -> str:
    """The cookie of somebody who did."""
    from django.test import Client

    from tests.factories import make_user

    browser = Client()
    browser.force_login(make_user("operator"))
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def test_work_goes_on_when_the_database_takes_connections_again(tmp_path: Path) -> None:
    with crew(tmp_path) as hired:
        run = start(plan(shell("a", "true")))
        with no_new_connections():
            worker, _ = hired.worker(slots=1), hired.control()
            wait_until(lambda: "not currently accepting connections" in hired.log.read_text(), within_s=PATIENCE_S)
        wait_until(lambda: Run.objects.get(pk=run.pk).status == "success", within_s=PATIENCE_S)
        assert worker.popen.poll() is None


@pytest.mark.parametrize("own", ["", "-c statement_timeout=7s"])
def test_web_plans_a_statement_for_the_values_it_has_and_keeps_what_the_url_says(own: str) -> None:
    url = make_conninfo(os.environ["DATABASE_URL"], **({"options": own} if own else {}))
    options = django_database(url, pool=1)["OPTIONS"]["options"]
    with psycopg.connect(os.environ["DATABASE_URL"], options=options) as connected:
        assert connected.execute("SHOW plan_cache_mode").fetchone() == ("force_custom_plan",)
        assert connected.execute("SHOW statement_timeout").fetchone() == ("7s" if own else "0",)


def test_workers_keep_the_plans_of_their_few_statements() -> None:
    assert "options" not in django_database(os.environ["DATABASE_URL"])["OPTIONS"]
