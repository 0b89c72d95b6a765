"""Who uses the control room while it is attacked: a client that starts runs, and a person who decides."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import httpx

from chaos import ledger
from chaos.ledger import BEGIN
from chaos.plans import ASK, SEALED, SEND, Document

logger = logging.getLogger(__name__)

LANES = ("A", "B", "C", "D")
LONG_WEIGHT = 0.3  # long steps fill the workers' slots for long
AGAIN_S = 0.3  # between two tries at something that must succeed
LOOK_S = 2.0
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Start:
    """A run to be started `at` seconds after the beginning; `key` makes that it starts once, however often asked."""

    at: float
    plan: str
    lane: str
    key: str


def schedule(plans: Sequence[Document], *, seed: int, seconds: float, per_second: float) -> list[Start]:
    """What is started when: each plan in its turn first, then at random."""
    random = Random(f"starts {seed}")
    slugs = [str(plan["slug"]) for plan in plans]
    count = max(len(slugs), int(seconds * per_second))
    weights = [LONG_WEIGHT if slug.startswith("long") else 1.0 for slug in slugs]
    wanted = [*random.sample(slugs, len(slugs)), *random.choices(slugs, weights, k=count - len(slugs))]
    times = sorted(random.uniform(0, seconds) for _ in wanted)
    return [
        Start(round(at, 3), slug, random.choice(LANES), f"chaos-{seed}-{number}")
        for number, (at, slug) in enumerate(zip(times, wanted, strict=True))
    ]


def push(client: httpx.Client, plans: Sequence[Document]) -> None:
    for plan in plans:
        client.post("/plans", json=plan).raise_for_status()


class Starter(Thread):
    """Starts what the schedule says, and asks again until the control room has taken it. `runs`: key -> run's id."""

    def __init__(self, client: httpx.Client, starts: Sequence[Start]) -> None:
        super().__init__(name="starter", daemon=True)
        self._client = client
        self._starts = starts
        self._is_over = Event()
        self.runs: dict[str, str] = {}

    def run(self) -> None:
        began = time.monotonic()
        for start in self._starts:
            if self._is_over.wait(max(0.0, start.at - (time.monotonic() - began))):
                return
            self.runs[start.key] = self._insist(start)

    def _insist(self, start: Start) -> str:
        wanted = {"plan": start.plan, "lane": start.lane, "title": start.key}
        while not self._is_over.is_set():
            answer = ask(self._client, "POST /runs", json=wanted, headers={"Idempotency-Key": start.key})
            if answer is not None and answer.status_code in (200, 201):
                return str(answer.json()["id"])
            if answer is not None and 400 <= answer.status_code < 500 and answer.status_code != 429:
                raise RuntimeError(f"{start}: {answer.status_code} {answer.text}")
            self._is_over.wait(AGAIN_S)
        return ""

    def stop(self) -> None:
        """Return when the last call is over."""
        self._is_over.set()
        self.join(TIMEOUT_S)


def ask(client: httpx.Client, call: str, **rest: Any) -> httpx.Response | None:
    """The answer to `GET /path` and the like; None when nobody answered, because something is away."""
    try:
        return client.request(*call.split(), timeout=TIMEOUT_S, **rest)
    except httpx.TransportError as error:
        logger.debug("%s: %s", call, error)
        return None


class Person(Thread):
    """Decides what waits for a person. Before an irreversible step is let run again, the ledger is looked at."""

    def __init__(self, client: httpx.Client, *, ledger_path: Path) -> None:
        super().__init__(name="person", daemon=True)
        self._client = client
        self._ledger = ledger_path
        self._is_over = Event()
        self.decided = 0

    def run(self) -> None:
        while not self._is_over.wait(LOOK_S):
            for run_id in list(self._waiting()):
                answer = ask(self._client, f"GET /runs/{run_id}")
                if answer is not None and answer.status_code == 200:
                    self._decide_in(answer.json())

    def stop(self) -> None:
        """Return when the last call is over."""
        self._is_over.set()
        self.join(TIMEOUT_S)

    def _waiting(self) -> Iterator[str]:
        cursor: str | None = ""
        while cursor is not None:
            paging = {"cursor": cursor} if cursor else {}
            answer = ask(self._client, "GET /runs", params={"status": ["waiting", "running"], "limit": 200, **paging})
            if answer is None or answer.status_code != 200:
                return
            page = answer.json()
            yield from (item["id"] for item in page["items"])
            cursor = page["next"]

    def _decide_in(self, run: dict[str, Any]) -> None:
        for step in run["steps"]:
            if step["status"] == "waiting" and (verb := self._verb(run, step)):
                answer = ask(self._client, f"POST /runs/{run['id']}/steps/{step['id']}/{verb}", json={})
                self.decided += answer is not None and answer.status_code == 200

    def _verb(self, run: dict[str, Any], step: dict[str, Any]) -> str:
        """Empty: this one is left to wait. What waits and is no approval was parked, because its worker vanished."""
        key = step["id"]
        if key in (SEALED, "pause"):
            return ""
        if key == ASK:
            return "reject" if int(run["id"][-1], 16) < 4 else "approve"
        if key == SEND and any(line.run == run["id"] and line.step == SEND for line in self._calls()):
            return "reject"
        return "approve"

    def _calls(self) -> list[ledger.Line]:
        return [line for line in ledger.read(self._ledger) if line.word == BEGIN]
