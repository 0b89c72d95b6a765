"""Real servers for the whole test run, started before Django reads its settings.

One PostgreSQL serves all xdist workers, each with a database of its own (pytest-django names it); every worker has a
Valkey of its own, because pub/sub and FLUSHALL know no database numbers. Servers that DATABASE_URL and REDIS_URL name
are used instead where these are set.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from controlroom.stack.lock import OwnerLock
from controlroom.stack.postgres import EmbeddedPostgres
from controlroom.stack.redis import EmbeddedValkey
from pulser.processes.child import StackError
from tests.servers import daphne, impatient_daphne  # noqa: F401  (fixtures)

PREFIX = "cr-test-"
OWN_REDIS = "CONTROLROOM_TEST_OWN_REDIS"  # tells the xdist workers that REDIS_URL is ours, not the caller's
PURE = (  # need neither servers nor Django
    "tests/pulser/language",
    "tests/pulser/engine",
    "tests/pulser/kernel",
    "tests/pulser/proofs",
    "tests/controlroom/stack",
    "tests/test_architecture.py",
    "tests/test_deployment.py",
)
FRESH_S = 60.0
CONNECTIONS = 240  # of all xdist workers, and the processes that each starts
SERVERS = pytest.StashKey["Servers"]()
pytest.register_assert_rewrite("tests.pulser.kernel.contract")  # tests that other files inherit


class Servers:
    """What this process started, and where it keeps it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        self.folder.chmod(0o711)  # PostgreSQL of a root user runs as `nobody`, who must pass through
        self._lock = OwnerLock(self.folder / "lock", what=str(self.folder))
        self._lock.acquire()
        self._running: list[EmbeddedPostgres | EmbeddedValkey] = []

    def start(self, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        self._running.append(server)
        server.start(log=self.folder / f"{server.name}.log")

    def stop(self) -> None:
        for server in reversed(self._running):
            server.stop()
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Name the servers in the environment, start them, then set Django up; unless only pure tests are asked for."""
    if _asks_for_pure_tests_only(config):
        return
    servers = config.stash[SERVERS] = Servers()
    os.environ["CONTROLROOM_DATA"] = str(servers.folder / "data")
    os.environ.setdefault("CONTROLROOM_SECRET_KEY", "only-for-tests-" + "0123456789" * 5)
    try:
        if not config.option.collectonly:
            _provide_servers(servers)
    except StackError as problem:
        raise pytest.UsageError(f"the tests need real servers: {problem}") from problem
    _set_django_up()


def _asks_for_pure_tests_only(config: pytest.Config) -> bool:
    paths = [Path(argument.split("::")[0]).absolute() for argument in config.args]
    pure = [config.rootpath / folder for folder in PURE]
    return bool(paths) and all(any(path.is_relative_to(folder) for folder in pure) for path in paths)


def _provide_servers(servers: Servers) -> None:
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(servers.folder, fsync=False, connections=CONNECTIONS)
        servers.start(postgres)
        os.environ["DATABASE_URL"] = postgres.url
    if "REDIS_URL" not in os.environ or OWN_REDIS in os.environ:
        valkey = EmbeddedValkey(servers.folder)
        servers.start(valkey)
        os.environ |= {"REDIS_URL": valkey.url, "CONTROLROOM_BROKER_URL": valkey.broker_url, OWN_REDIS: "1"}


def _set_django_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlroom.settings")
    django.setup()
    # xdist's workers inherit the environment: there pytest-django would read the settings before this file has named
    # the worker's own servers, and all of them would use ours.
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", metavar="SEED", help="run the tests in an order of chance, the same for each seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What cannot be tried here, and long tests that nobody asked for, are left out, not skipped."""
    left_out = {item for item in items if _is_left_out(item)}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]
    if seed := config.option.shuffle:
        random.Random(seed).shuffle(items)


def _is_left_out(item: pytest.Item) -> bool:
    is_for_root = item.get_closest_marker("root") is not None
    needs_history = item.get_closest_marker("history") is not None
    is_siege = item.get_closest_marker("siege") is not None
    return (
        (is_for_root and os.geteuid() != 0)
        or (is_siege and not _asks_for_siege(item))
        or (needs_history and not _has_history(item.config.rootpath))
    )


def _asks_for_siege(item: pytest.Item) -> bool:
    """By its marker, or by naming the file."""
    named = {Path(argument.split("::")[0]).absolute() for argument in item.config.args}
    return "siege" in item.config.option.markexpr or item.path in named


@cache
def _has_history(repository: Path) -> bool:
    """Whether git has the release before this one: a shallow clone does not, and an archive neither."""
    commit = (repository / "chaos" / "previous.txt").read_text().split()[0]
    command = ["git", "-C", str(repository), "cat-file", "-e", f"{commit}^{{commit}}"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: nothing may drop out in silence."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("skipped tests are failures when CI is set", red=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    if servers := config.stash.get(SERVERS, None):
        servers.stop()


def pytest_sessionstart(session: pytest.Session) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _remove_forgotten_folders()


def _remove_forgotten_folders() -> None:
    """Folders of test runs that were killed: they are old, and nobody holds their lock any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = OwnerLock(folder / "lock", what=str(folder))
        try:
            if time.time() - folder.stat().st_mtime < FRESH_S:  # its owner may be about to take the lock
                continue
            lock.acquire()
        except (StackError, OSError):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


class PostgresServer:
    """The PostgreSQL of this test run, for code that opens connections of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.conninfo = url  # libpq takes a URL wherever it takes a conninfo string


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    yield PostgresServer(os.environ["DATABASE_URL"])
