"""`controlroom up`: the whole control room in the foreground. Imports neither Django nor Celery."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from controlroom.env import EnvironmentProblem, Layout, data_dir, db_pool, env_bool, env_int, env_str
from controlroom.stack.lock import OwnerLock
from controlroom.stack.output import Console
from controlroom.stack.postgres import EmbeddedPostgres
from controlroom.stack.probes import http_status, port_problem
from controlroom.stack.redis import EmbeddedValkey
from controlroom.stack.server import EmbeddedServer
from controlroom.stack.supervise import StopRequested, Supervisor
from pulser.processes.account import make_folder
from pulser.processes.child import Child, StackError

OTHER_CONNECTIONS = 20  # worker, watchdog, control, prepare; people and programs with psql; three for superusers
READY_WITHIN_S = 60.0
ROOT_WARNING = "You're running the worker with superuser privileges"  # who runs all of this as root knows it
WEB_IGNORED_LINES = ("Service Unavailable: /readyz",)  # our own question, asked until the answer is yes
CELERY_IGNORED_LINES = ("worker: Warm shutdown",)
# Where to knock when it listens everywhere.
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class Options:
    """What the environment asks for."""

    bind: str
    port: int
    workers: int
    is_demo: bool
    layout: Layout
    pool: int

    @property
    def connections(self) -> int:
        """Room that the database must have: web's pool, and two for each step at once (its own, the heartbeat's)."""
        return self.pool + 2 * self.workers + OTHER_CONNECTIONS

    @property
    def knock_at(self) -> str:
        return EVERY_ADDRESS.get(self.bind, self.bind)

    @property
    def url(self) -> str:
        host = f"[{self.knock_at}]" if ":" in self.knock_at else self.knock_at
        return f"http://{host}:{self.port}/"


def read_options() -> Options:
    """Raises EnvironmentProblem for a value that cannot be used."""
    return Options(
        bind=env_str("CONTROLROOM_BIND", default="127.0.0.1"),
        port=env_int("CONTROLROOM_PORT", default=8000, minimum=1, maximum=65535),
        workers=env_int("CONTROLROOM_WORKERS", default=4, minimum=1, maximum=64),
        is_demo=env_bool("CONTROLROOM_DEMO", default=True),
        layout=Layout(data_dir()),
        pool=db_pool(),
    )


@click.command()
def up() -> None:
    """Start the control room: database, Redis, web, workers. Ctrl-C stops all of it."""
    console = Console()
    try:
        run(read_options(), console)
    except EnvironmentProblem as problem:
        raise click.UsageError(str(problem)) from problem
    except (StackError, PermissionError) as problem:
        raise click.ClickException(str(problem)) from problem


def run(options: Options, console: Console) -> None:
    """Bring everything up, look after it, and stop it in order. Raises StackError when a part does not come up."""
    lock = OwnerLock(options.layout.lock, what=str(options.layout.data))
    make_folder(options.layout.data)
    lock.acquire()
    try:
        check_port(options)
        with Supervisor(console) as supervisor:
            try:
                bring_up(options, supervisor)
                supervisor.watch()
            except StopRequested:
                pass
            console.say("Stopping ...")
        console.say("Stopped.")
    finally:
        lock.release()


def check_port(options: Options) -> None:
    """Told before anything is started. Raises StackError."""
    if problem := port_problem(options.bind, options.port):
        raise StackError(
            f"cannot listen on {options.bind} port {options.port}: {problem}; "
            "set CONTROLROOM_PORT to a free port, or CONTROLROOM_BIND to an address of this machine"
        )


def bring_up(options: Options, supervisor: Supervisor) -> None:
    env = base_environment(options)
    env |= start_database(options, supervisor) | start_redis(options, supervisor)
    notices = supervisor.run_once(django_child("prepare", env, name="prepare"))
    for child in (control_child(env), worker_child(options, env), web_child(options, env)):
        supervisor.start(child)
    if not supervisor.wait_for(lambda: is_web_ready(options, "readyz"), within_s=READY_WITHIN_S):
        supervisor.console.say(f"Not everything is ready yet: see {options.url}readyz")
    print_welcome(options, supervisor.console, notices=notices)
    if options.is_demo:
        show_demo(supervisor, env)


def base_environment(options: Options) -> dict[str, str]:
    """The children's environment, with every setting said explicitly."""
    return dict(os.environ) | {
        "DJANGO_SETTINGS_MODULE": "controlroom.settings",
        "CONTROLROOM_DATA": str(options.layout.data),
        "CONTROLROOM_BIND": options.bind,
        "CONTROLROOM_PORT": str(options.port),
        "CONTROLROOM_WORKERS": str(options.workers),
        "CONTROLROOM_DEMO": str(int(options.is_demo)),
        "CONTROLROOM_SECRET_KEY": env_str("CONTROLROOM_SECRET_KEY")
        or read_or_create_secret_key(options.layout.secret_key),
        "PYTHONUNBUFFERED": "1",
    }


def read_or_create_secret_key(path: Path) -> str:
    """The secret key in this file; made once."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        draft.rename(path)
    return path.read_text().strip()


def start_database(options: Options, supervisor: Supervisor) -> dict[str, str]:
    if url := env_str("DATABASE_URL"):
        return {"DATABASE_URL": url}
    postgres = EmbeddedPostgres(options.layout.data, connections=options.connections)
    if postgres.note:
        supervisor.console.say(postgres.note)
    start_server(postgres, supervisor)
    return {"DATABASE_URL": postgres.url}


def start_redis(options: Options, supervisor: Supervisor) -> dict[str, str]:
    if url := env_str("REDIS_URL"):
        return {"REDIS_URL": url, "CONTROLROOM_BROKER_URL": env_str("CONTROLROOM_BROKER_URL", default=url)}
    valkey = EmbeddedValkey(options.layout.data)
    start_server(valkey, supervisor)
    return {
        "REDIS_URL": valkey.url,
        "CONTROLROOM_BROKER_URL": env_str("CONTROLROOM_BROKER_URL", default=valkey.broker_url),
    }


def start_server(server: EmbeddedServer, supervisor: Supervisor) -> None:
    server.claim()
    supervisor.start(server.child())


def django_child(command: str, env: dict[str, str], *, name: str) -> Child:
    return Child(name=name, argv=[sys.executable, "-m", "django", command], env=env)


def control_child(env: dict[str, str]) -> Child:
    """Beat and sweeper: a process of their own, which no step can starve."""
    return Child(
        name="control",
        argv=[*celery_worker("control"), "--pool", "solo", "--beat"],
        env=env,
        noise=CELERY_IGNORED_LINES,
        stop_grace_s=1.5,
    )


def worker_child(options: Options, env: dict[str, str]) -> Child:
    argv = [*celery_worker("steps"), "--pool", "prefork", "--concurrency", str(options.workers)]
    return Child(name="worker", argv=argv, env=env, noise=CELERY_IGNORED_LINES, stop_grace_s=10.0)


def celery_worker(queue: str) -> list[str]:
    """Without the chatter between workers: they have nothing to tell each other."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    name = ["--queues", queue, "--hostname", f"{queue}@%h"]
    return [sys.executable, "-W", f"ignore:{ROOT_WARNING}", "-m", "controlroom.celery_worker", *name, *quiet]


def web_child(options: Options, env: dict[str, str]) -> Child:
    argv = [sys.executable, "-m", "controlroom.daphne_server", "--bind", options.bind, "--port", str(options.port)]
    return Child(
        name="web",
        argv=[*argv, "--no-server-name", "--verbosity", "0", "controlroom.asgi:application"],
        env=env,
        ready=lambda: is_web_ready(options, "healthz"),
        noise=WEB_IGNORED_LINES,
        stop_grace_s=1.5,
        hint="is CONTROLROOM_PORT taken?",
    )


def is_web_ready(options: Options, path: str) -> bool:
    return http_status(options.knock_at, options.port, path=f"/{path}") == 200


def show_demo(supervisor: Supervisor, env: dict[str, str]) -> None:
    """Run the demo plan on this very checkout. A demo that fails is shown, and does not bring the house down."""
    try:
        supervisor.run_once(django_child("first_run", env, name="demo"))
    except StackError as problem:
        supervisor.console.say(str(problem))


def print_welcome(options: Options, console: Console, *, notices: list[str]) -> None:
    for notice in notices:
        if "password" in notice.lower():  # said by `prepare`, the first time only: not to be lost among the lines above
            console.say(notice)
    console.say(f"Control Room is ready: {options.url}")
