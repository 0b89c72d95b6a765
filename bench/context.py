"""What every measure is handed: the control room, the ways to it, and how many rounds to do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bench.line import Line
from bench.record import Ended, Record
from bench.room import LANE_LIMIT, Room


@dataclass(frozen=True, slots=True)
class Bench:
    """`client` is for what is not measured; `line` posts, `record` reads the recorded times."""

    room: Room
    client: httpx.Client
    line: Line
    record: Record
    rounds: int

    def push(self, *documents: Mapping[str, Any]) -> None:
        for document in documents:
            self.client.post("/plans", json=document).raise_for_status()

    def start(self, slug: str) -> str:
        """Start a run; returns its id."""
        answer = self.client.post("/runs", json={"plan": slug}).raise_for_status()
        return str(answer.json()["id"])

    def run(self, slug: str) -> Ended:
        """A run from its start to its recorded end. It takes long enough that 20 looks a second cost nothing."""
        (ended,) = self.record.ended([self.start(slug)], look_s=0.05)
        return ended

    def cookie(self) -> str:
        """What the admin's browser sends once he has signed in."""
        with httpx.Client(base_url=self.room.url, trust_env=False) as browser:
            (token,) = browser.get("/login").cookies.values()
            form = {"username": "admin", "password": self.room.environment["CONTROLROOM_ADMIN_PASSWORD"]}
            browser.post("/login", data=form | {"csrfmiddlewaretoken": token})
            return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    def settle(self, *, seconds: float = 1.0) -> None:
        """Let what a round left behind come to its end, so that the next starts alike."""
        time.sleep(seconds)


@contextmanager
def bench(room: Room, *, rounds: int) -> Iterator[Bench]:
    """Connections to this control room. Its lane A takes as many runs as come."""
    record = Record(room.database_url)
    with room.client() as client, Line(room.url, token=room.token) as line:
        client.patch("/lanes/A", json={"limit": LANE_LIMIT}).raise_for_status()
        try:
            yield Bench(room, client, line, record, rounds)
        finally:
            record.close()
