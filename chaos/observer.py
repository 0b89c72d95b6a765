"""What the attacker sees of the control room meanwhile: its database, and whether it says that it is ready."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Event, Thread
from typing import Any

import httpx
import psycopg

from chaos.processes import Gone, Outsider

LOOK_S = 0.5


class Sight:
    """Short questions to the database, each on a connection of its own: it is restarted now and then.

    `deaths`: (worker's name, moment) of step workers that were killed or stopped.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self.deaths: list[tuple[str, float]] = []

    def ask(self, statement: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Raises Gone while the database is away."""
        try:
            with psycopg.connect(self._url, autocommit=True, connect_timeout=3) as connection:
                return connection.execute(statement, list(values)).fetchall()
        except psycopg.OperationalError as error:
            raise Gone(f"the database is away: {error}") from error

    def workers_of(self, pids: Iterable[int]) -> list[str]:
        """The names under which these main processes are known; none while the database is away."""
        try:
            return [name for (name,) in self.ask("SELECT name FROM runs_worker WHERE pid = ANY(%s)", [list(pids)])]
        except Gone:
            return []

    def has_answered(self, worker: Outsider, *, since: float) -> bool:
        """Whether it has taken a probe from the step queue since then. Raises Gone."""
        statement = "SELECT 1 FROM runs_worker WHERE pid = %s AND answered_at > to_timestamp(%s)"
        return bool(self.ask(statement, [worker.pid, since]))

    def takes_work(self, pid: int, *, since: float) -> bool:
        """Whether this main process has answered a probe since then, or taken a step: a busy one answers none."""
        statement = """
            SELECT 1 FROM runs_worker w WHERE pid = %s AND (answered_at > to_timestamp(%s) OR EXISTS (
                SELECT FROM runs_attempt a WHERE a.worker = w.name AND a.started_at > to_timestamp(%s)))"""
        return bool(self.ask(statement, [pid, since, since]))

    def has_swept(self, *, since: float) -> bool:
        statement = "SELECT 1 FROM runs_duty WHERE name = 'sweep' AND finished_at > to_timestamp(%s)"
        return bool(self.ask(statement, [since]))

    def unsettled(self) -> int:
        """Runs that have not ended, and do not wait for a person."""
        statement = """
            SELECT count(*) FROM runs_run r WHERE finished_at IS NULL AND NOT (
                status = 'waiting' AND NOT EXISTS (SELECT FROM runs_step s WHERE s.run_id = r.id
                    AND (s.status IN ('queued', 'running', 'backoff') OR s.status = 'waiting' AND s.wait_role = '')))"""
        return int(self.ask(statement)[0][0])


class Readiness(Thread):
    """Asks `/readyz` all the time. `said`: (moment, what is wrong with the workers), one entry a change."""

    def __init__(self, url: str) -> None:
        super().__init__(name="readiness", daemon=True)
        self._url = url
        self._is_over = Event()
        self.said: list[tuple[float, str]] = []

    def run(self) -> None:
        with httpx.Client(timeout=3.0, trust_env=False) as client:
            while not self._is_over.wait(LOOK_S):
                detail = self._ask(client)
                if detail is not None and (not self.said or self.said[-1][1] != detail):
                    self.said.append((time.time(), detail))

    def _ask(self, client: httpx.Client) -> str | None:
        """What is wrong with the workers, empty when nothing is; None when nobody answers."""
        try:
            check = client.get(f"{self._url}/readyz").json()["checks"]["workers"]
        except (httpx.HTTPError, ValueError, KeyError):
            return None
        return "" if check["ok"] else str(check["detail"])

    def first_naming(self, name: str, *, since: float) -> float | None:
        """When it first said that something is wrong with this worker."""
        return next((moment for moment, detail in self.said if moment >= since and name in detail), None)

    def is_well(self) -> bool:
        return bool(self.said) and self.said[-1][1] == ""

    def stop(self) -> None:
        self._is_over.set()
