"""`python -m chaos.upgrade`: two releases side by side on one database, exchanged part by part in mid-run.

The release before this one is the commit that `chaos/previous.txt` names. Its workers serve the web process of this
release, and the other way round; workers are exchanged in the middle of steps. Every run must end well, and its log
must fold to what the API says of it. Exit status 1 when one does not.
"""

from __future__ import annotations

import argparse
import io
import os
import secrets
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from controlroom.stack.postgres import EmbeddedPostgres
from controlroom.stack.redis import EmbeddedValkey
from pulser.engine.fold import LoggedEvent, fold_events
from pulser.processes.child import Child, end, spawn

ROOT = Path(__file__).resolve().parent.parent
PREVIOUS = ROOT / "chaos" / "previous.txt"
PATIENCE_S = 120.0  # for a part to come up, and for the last run to end
LOOK_S = 0.1
RUNS = 2  # of each plan, at each stage

# As docs/operating.md says it: the command that every release understands.
CELERY = [
    *(sys.executable, "-m", "celery", "--app", "controlroom", "--quiet", "worker", "--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]
QUICK = {"retry": {"max_attempts": 4, "initial": "1s"}}
PLANS: list[dict[str, Any]] = [
    {
        "pulser": 1,
        "slug": "chain",
        "steps": [
            {"id": f"s{n}", "uses": "shell", "needs": [f"s{n - 1}"] if n else [], "with": {"run": "sleep 1"}}
            for n in range(6)
        ],
        "finally": [{"id": "tidy", "uses": "shell", "with": {"run": "true"}}],
    },
    {
        "pulser": 1,
        "slug": "fan",
        "steps": [
            {"id": "first", "uses": "shell", "with": {"run": "true"}},
            *(
                {"id": f"f{n}", "uses": "shell", "needs": ["first"], "with": {"run": f"sleep {n}"}, **QUICK}
                for n in range(1, 4)
            ),
            {"id": "flaky", "uses": "shell", "needs": ["first"], "with": {"run": "test -e x || ! touch x"}, **QUICK},
            {"id": "join", "uses": "shell", "needs": ["f1", "f2", "f3", "flaky"], "with": {"run": "true"}},
        ],
    },
    {
        "pulser": 1,
        "slug": "long",
        "steps": [{"id": "long", "uses": "shell", "with": {"run": "sleep 12"}, **QUICK}],
    },
]


class NoHistory(Exception):
    """The earlier release cannot be had here."""


def previous() -> str:
    """The commit of the release before this one: the first word of `chaos/previous.txt`."""
    return PREVIOUS.read_text().split()[0]


def unpack(commit: str, *, into: Path, repository: Path = ROOT) -> None:
    """The tree of a commit, as files. Raises NoHistory."""
    try:
        packed = subprocess.run(["git", "-C", str(repository), "archive", commit], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise NoHistory("git is not installed, so the release before this one cannot be had") from error
    if packed.returncode:
        raise NoHistory(
            f"{repository} does not hold commit {commit}, the release before this one: a shallow clone needs "
            f"`git fetch --unshallow`, an archive without history cannot do this ({packed.stderr.decode().strip()})"
        )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(into, filter="data")


@dataclass(frozen=True, slots=True)
class Release:
    """A tree that processes are started from."""

    name: str
    folder: Path


@dataclass
class Room:
    """One control room whose parts come from two releases. Times are in seconds."""

    environment: Mapping[str, str]
    port: int
    token: str
    log: Path
    parts: dict[str, tuple[Child, subprocess.Popen[bytes]]] = field(default_factory=dict)

    def run(self, release: Release, command: str) -> None:
        """A command of the project, to its end."""
        env = self._environment(release)
        with self.log.open("ab") as log:
            argv = [sys.executable, "-m", "django", command]
            subprocess.run(argv, env=env, cwd=release.folder, stdout=log, stderr=log, check=True)

    def start(self, part: str, release: Release) -> None:
        child = Child(name=part, argv=self._command(part), env=self._environment(release), cwd=str(release.folder))
        with self.log.open("ab") as log:
            self.parts[f"{part} {release.name}"] = (child, spawn(child, output=log))

    def stop(self, part: str, release: Release) -> None:
        """As `controlroom up` does: politely, and after ten seconds by force."""
        end(*self.parts.pop(f"{part} {release.name}"))

    def stop_all(self) -> None:
        for child, process in self.parts.values():
            end(child, process)
        self.parts.clear()

    def await_ready(self) -> None:
        """All parts that are there are well; those of a release that were stopped have said good-bye."""
        wait_for(lambda: self._status("readyz") == 200, what="the control room to be ready")

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self._url}/api/v1", headers=headers, timeout=30, trust_env=False)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _status(self, path: str) -> int:
        try:
            return httpx.get(f"{self._url}/{path}", timeout=5, trust_env=False).status_code
        except httpx.TransportError:
            return 0

    def _environment(self, release: Release) -> dict[str, str]:
        return {**self.environment, "PYTHONPATH": str(release.folder)}

    def _command(self, part: str) -> list[str]:
        if part == "web":
            return [
                *(sys.executable, "-m", "daphne", "--bind", "127.0.0.1", "--port", str(self.port)),
                *("--verbosity", "0", "controlroom.asgi:application"),
            ]
        if part == "control":
            return [*CELERY, "--queues", "control", "--hostname", "control@%h", "--pool", "solo", "--beat"]
        return [*CELERY, "--queues", "steps", "--hostname", "steps@%h", "--pool", "prefork", "--concurrency", "4"]


@contextmanager
def room(folder: Path) -> Iterator[Room]:
    """Servers, and a room without parts yet."""
    data = folder / "data"
    data.mkdir(mode=0o711)
    postgres, valkey = EmbeddedPostgres(data), EmbeddedValkey(data)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    token = secrets.token_urlsafe(24)
    try:
        for server in (postgres, valkey):
            server.start(log=folder / f"{server.name}.log")
        given = {
            "DJANGO_SETTINGS_MODULE": "controlroom.settings",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "CONTROLROOM_BROKER_URL": valkey.broker_url,
            "CONTROLROOM_DATA": str(data),
            "CONTROLROOM_PORT": str(port),
            "CONTROLROOM_API_TOKEN": token,
            "CONTROLROOM_ADMIN_PASSWORD": secrets.token_urlsafe(24),
            "CONTROLROOM_SECRET_KEY": secrets.token_urlsafe(48),
            "CONTROLROOM_DEMO": "0",
        }
        made = Room({**os.environ, **given}, port, token, folder / "room.log")
        try:
            yield made
        finally:
            made.stop_all()
    finally:
        for server in (valkey, postgres):
            server.stop()


def wait_for(condition: Callable[[], object], *, what: str) -> None:
    """Return when it is so. Raises TimeoutError that says what was waited for."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(LOOK_S)  # between two looks


def start_runs(client: httpx.Client) -> list[str]:
    """Some of each plan. Returns when steps of all the long ones are under way."""
    made = [
        client.post("/runs", json={"plan": plan["slug"]}).raise_for_status().json()
        for plan in PLANS
        for _ in range(RUNS)
    ]
    wait_for(lambda: _count_running(client, made) > 0, what="a step to be under way")
    return [str(run["id"]) for run in made]


def _count_running(client: httpx.Client, made: list[dict[str, Any]]) -> int:
    now = [client.get(f"/runs/{run['id']}").raise_for_status().json() for run in made]
    return sum(step["status"] == "running" for run in now for step in run["steps"])


def await_end(client: httpx.Client, runs: list[str]) -> None:
    def all_ended() -> bool:
        found = [client.get(f"/runs/{run}").raise_for_status().json() for run in runs]
        return all(run["status"] in ("success", "error", "cancelled") for run in found)

    wait_for(all_ended, what="all runs to end")


def faults_of(client: httpx.Client, run_id: str) -> list[str]:
    """What is wrong with a run that has ended: it did not succeed, or its log does not fold to what is said of it."""
    run = client.get(f"/runs/{run_id}").raise_for_status().json()
    events = list(_events(client, run_id))
    state = fold_events(LoggedEvent(e["seq"], e["kind"], e["step"] or "", e["attempt"], e["data"]) for e in events)
    told = {key: (step.status, step.attempt) for key, step in state.steps.items()}
    said = {step["id"]: (step["status"], step["attempt"] or 0) for step in run["steps"]}
    found = []
    if run["status"] != "success":
        found.append(f"it is {run['status']}")
    if (state.status, state.seq, state.retry_count) != (run["status"], run["seq"], run["retry_count"]):
        found.append(f"its log folds to {state.status}, {state.seq} events, {state.retry_count} retries")
    if told != said:
        found.append(f"its log folds to steps {told}, and they are {said}")
    return [f"run {run_id} of {run['plan']}: {fault}" for fault in found]


def _events(client: httpx.Client, run_id: str) -> Iterator[dict[str, Any]]:
    after = 0
    while items := client.get(f"/runs/{run_id}/events", params={"after": after}).raise_for_status().json()["items"]:
        yield from items
        after = items[-1]["seq"]


def exchange(room: Room, old: Release, *, new: Release) -> list[str]:
    """The whole story. Returns the runs that were started."""
    say = _say
    room.run(old, "prepare")
    for part in ("control", "worker", "web"):
        room.start(part, old)
    room.await_ready()
    with room.client() as client:
        for plan in PLANS:
            client.post("/plans", json=plan).raise_for_status()
        say("all parts are of the earlier release")
        runs = start_runs(client)
        room.run(new, "prepare")
        say("the database is migrated in mid-run; a worker of this release comes, that of the earlier one is stopped")
        room.start("worker", new)
        room.stop("worker", old)
        runs += start_runs(client)
        await_end(client, runs)
        say("this release's workers have done what the earlier web and control process started")

        room.start("worker", old)
        runs += start_runs(client)
        room.stop("worker", new)
        room.stop("web", old)
        room.start("web", new)
        room.await_ready()
        say("the other way round: web of this release, workers and control of the earlier one")
        runs += start_runs(client)
        await_end(client, runs)

        runs += start_runs(client)
        room.start("worker", new)
        room.start("control", new)
        for part in ("worker", "control"):
            room.stop(part, old)
        say("all parts are of this release, exchanged in mid-run")
        runs += start_runs(client)
        await_end(client, runs)
        room.await_ready()
    return runs


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m chaos.upgrade", description=__doc__)
    parser.add_argument("--previous", default=previous(), help=f"the commit of the earlier release ({previous()})")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="controlroom-upgrade-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root, PostgreSQL runs as `nobody`
        try:
            unpack(asked.previous, into=folder / "previous")
        except NoHistory as problem:
            raise SystemExit(f"the upgrade cannot be tried: {problem}") from problem
        with room(folder) as made:
            try:
                runs = exchange(made, Release("previous", folder / "previous"), new=Release("this", ROOT))
                with made.client() as client:
                    faults = [fault for run in runs for fault in faults_of(client, run)]
            except (TimeoutError, httpx.HTTPError, subprocess.CalledProcessError):
                sys.stderr.write(made.log.read_text(errors="replace")[-20_000:])
                raise
        print("\n".join(faults) or f"{len(runs)} runs, exchanged between releases: all succeeded, every log folds")
        sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
