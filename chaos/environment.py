"""The battlefield: the control room, the workers beside it, the proxies, and every fault that can be done here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import redis

from bench.room import Room
from chaos.faults import (
    Deaf,
    Fault,
    Flush,
    FullDisk,
    ImmediateStop,
    Kill,
    KillWorker,
    Link,
    Stop,
    WrongClock,
    children_back,
    group_of,
    wrong_clock,
)
from chaos.observer import Sight
from chaos.processes import Gone, House, Outsider
from chaos.proxy import Loop, Mode, Proxy
from chaos.schedule import Kind, Strike, plan_of_attack
from controlroom.stack.postgres import SOCKET_NAME as POSTGRES_SOCKET
from controlroom.stack.postgres import EmbeddedPostgres
from controlroom.stack.probes import http_status, valkey_answers
from controlroom.stack.redis import EmbeddedValkey

SLOTS = 2  # of each worker that is attacked
BLACK_HOLE_S = (31.0, 36.0)  # longer than a lease
STOPPED_S = (33.0, 37.0)


@dataclass(slots=True)
class Battlefield:
    """Use it as a context manager, from the main thread. `left_out`: fault -> why it cannot be done here."""

    room: Room
    sight: Sight
    loop: Loop = field(default_factory=Loop)
    faults: dict[str, Fault] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    outsiders: list[Outsider] = field(default_factory=list)
    deaf: Deaf = field(init=False)
    house: House = field(init=False)
    _skewed: Outsider | None = None

    def __enter__(self) -> Self:
        self.house = House(self.room.pid)
        self._add_kills()
        self._add_servers()
        self._add_links()
        self._add_frozen()
        self._add_deaf()
        self._add_wrong_clock()
        for outsider in self.outsiders:
            outsider.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with ExitStack() as stack:
            stack.callback(self.loop.stop)
            for outsider in [*self.outsiders, *([self._skewed] if self._skewed else [])]:
                stack.callback(outsider.stop)

    def add_full_disk(self, *, problem: str) -> None:
        """`problem`: why the workspaces do not lie on a small file system, if they do not."""
        if problem:
            self.left_out["full disk"] = problem
        else:
            kind = Kind("full disk", 2.0, 5.0)
            self._add(FullDisk(kind, folder=self.room.data / "work"))

    def plan(self, *, seed: int, seconds: float) -> list[Strike]:
        """What is done when, of all that can be done here."""
        return plan_of_attack([fault.kind for fault in self.faults.values()], seed=seed, seconds=seconds)

    def is_complete(self) -> bool:
        """Whether the workers beside the control room's own take work. Raises Gone."""
        return all(self.sight.has_answered(outsider, since=0.0) for outsider in self.outsiders)

    def _add(self, fault: Fault) -> None:
        self.faults[fault.kind.name] = fault

    def _add_kills(self) -> None:
        house, sight = self.house, self.sight

        def worker_is_back(since: float) -> bool:
            return sight.takes_work(house.find("worker"), since=since)

        def swept(since: float) -> bool:
            return sight.has_swept(since=since + 1.0)

        def web_is_back(_since: float) -> bool:
            house.find("web")
            return http_status("127.0.0.1", int(self.room.url.rpartition(":")[2]), path="/healthz") == 200

        victims: Mapping[str, tuple[Callable[[], list[int]], Callable[[float], bool]]] = {
            "kill -9 a worker and its pool": (lambda: group_of(house.find("worker")), worker_is_back),
            "kill -9 a worker's main process": (lambda: [house.find("worker")], worker_is_back),
        }
        for name, (found, is_back) in victims.items():
            self._add(KillWorker(Kind(name), victims=found, is_back=is_back, sight=sight))
        others: Mapping[str, tuple[Callable[[], list[int]], Callable[[float], bool]]] = {
            "kill -9 a pool child": (lambda: house.pool()[:1], children_back(house, slots=SLOTS)),
            "kill -9 the watchdog of a worker": (house.watchdog, worker_is_back),
            "kill -9 the control process": (lambda: [house.find("control")], swept),
            "kill -9 Daphne": (lambda: [house.find("web")], web_is_back),
        }
        for name, (found, is_back) in others.items():
            blinds = name == "kill -9 the control process"
            self._add(Kill(Kind(name, blinds=blinds), victims=found, is_back=is_back, sight=sight))

    def _add_servers(self) -> None:
        house, sight = self.house, self.sight

        def takes_messages(since: float) -> bool:
            answers = valkey_answers(EmbeddedValkey(self.room.data).socket)
            return answers and sight.takes_work(house.find("worker"), since=since)

        def postgres_is_back(_since: float) -> bool:
            return bool(sight.ask("SELECT 1"))

        self._add(Flush(Kind("FLUSHALL"), flush=self._flush, is_back=takes_messages))
        valkey = Kind("kill -9 and restart of Redis", blinds=True)
        self._add(Kill(valkey, victims=lambda: [house.find("valkey")], is_back=takes_messages, sight=sight))
        postgres = Kind("immediate restart of PostgreSQL", blinds=True)
        self._add(
            ImmediateStop(postgres, victims=lambda: [house.find("postgres")], is_back=postgres_is_back, sight=sight)
        )

    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.room.redis_url, socket_timeout=2.0)

    def _flush(self) -> None:
        try:
            self._redis().flushall()
        except redis.RedisError as error:
            raise Gone(f"Redis is away: {error}") from error

    def _add_links(self) -> None:
        """A worker that reaches both servers through proxies."""
        to_redis, to_database = self._redis_proxy(), Proxy(self._postgres_socket(), loop=self.loop)
        worker = self._outsider("linked", slots=SLOTS, redis=to_redis, database=to_database)
        for server, proxy, hole_s in (("Redis", to_redis, (4.0, 9.0)), ("PostgreSQL", to_database, BLACK_HOLE_S)):
            for mode, word, lasts in (
                (Mode.DELAY, "late", (3.0, 5.0)),
                (Mode.CUT, "cut", (1.0, 3.0)),
                (Mode.BLACK_HOLE, "a black hole", hole_s),
            ):
                kind = Kind(f"the way to {server} is {word}", *lasts, alone=server)
                self._add(Link(kind, proxy=proxy, mode=mode, worker=worker, sight=self.sight))

    def _add_frozen(self) -> None:
        worker = self._outsider("frozen", slots=SLOTS)
        self._add(
            Stop(Kind("SIGSTOP past the lease, SIGCONT", *STOPPED_S, alone="frozen"), worker=worker, sight=self.sight)
        )

    def _add_deaf(self) -> None:
        proxy = self._redis_proxy()
        worker = self._outsider("deaf", slots=1, redis=proxy)
        self.deaf = Deaf(
            Kind("a worker is deaf", alone="deaf", is_slow=True), proxy=proxy, worker=worker, sight=self.sight
        )
        self._add(self.deaf)

    def _add_wrong_clock(self) -> None:
        name = "a worker's clock is 5 minutes off"
        faked = wrong_clock(self.room.data)
        if not faked:
            self.left_out[name] = "there is no C compiler to make the wrong clock with (Debian: apt-get install gcc)"
            return
        self._skewed = Outsider("skewed", env=self._environment() | faked, slots=SLOTS, log=self._log("skewed"))
        self._add(WrongClock(Kind(name, 12.0, 20.0, alone="clock"), worker=self._skewed, sight=self.sight))

    def _outsider(
        self, name: str, *, slots: int, redis: Proxy | None = None, database: Proxy | None = None
    ) -> Outsider:
        env = self._environment()
        if redis:
            env |= {
                "REDIS_URL": f"redis://127.0.0.1:{redis.port}/1",
                "CONTROLROOM_BROKER_URL": f"redis://127.0.0.1:{redis.port}/0",
            }
        if database:
            env["DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{database.port}/postgres?sslmode=disable"
        outsider = Outsider(name, env=env, slots=slots, log=self._log(name))
        self.outsiders.append(outsider)
        return outsider

    def _environment(self) -> dict[str, str]:
        return {
            **self.room.environment,
            "DJANGO_SETTINGS_MODULE": "controlroom.settings",
            "DATABASE_URL": self.room.database_url,
            "REDIS_URL": self.room.redis_url,
            "CONTROLROOM_BROKER_URL": self.room.broker_url,
            "PYTHONUNBUFFERED": "1",
        }

    def _log(self, name: str) -> Path:
        return self.room.data / f"{name}.log"

    def _redis_proxy(self) -> Proxy:
        return Proxy(EmbeddedValkey(self.room.data).socket, loop=self.loop)

    def _postgres_socket(self) -> Path:
        return EmbeddedPostgres(self.room.data).socket_dir / POSTGRES_SOCKET
