"""What is photographed: real runs of a few plans, done here and now, and copies of them over the last hours."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.fill import fill
from bench.room import Room

PLANS = Path(__file__).parent / "plans"
DATABASES = ["billing", "catalogue", "events", "identity", "mails", "media", "orders", "payroll", "search", "stock"]
DONE_S = 120.0
HOURS = 0.24  # of a day: the copies reach back this far


@dataclass(frozen=True, slots=True)
class Scene:
    """The runs that have pages of their own in the pictures, by what they show."""

    failed: str
    waiting: str
    done: str
    fan: str


def perform(room: Room) -> Scene:
    """Push the plans, do the runs, fill the hours before, and leave some at work."""
    with room.client() as client:
        for document in documents():
            answer = client.post("/plans", content=document, headers={"Content-Type": "application/yaml"})
            answer.raise_for_status()
        for name in ("Default duty", "Release 2.14", "Incident 4711"):
            client.post("/sessions", json={"name": name}).raise_for_status()
        failed, done = _start(client, "import-orders", title="Import orders of Lyon"), _start(client, "triage")
        good = _start(client, "import-orders", params={"strict": False}, title="Import orders of Porto")
        fan = _start(client, "nightly-backup")
        _await(client, [failed, done, good, fan])
        with psycopg.connect(room.database_url, autocommit=True) as connection:
            fill(connection, {failed: 14, done: 60, good: 80, fan: 40}, days=HOURS)
        waiting = _start(client, "release", params={"version": "2.14.0"}, title="Release 2.14.0", environment="prod")
        for _ in range(2):
            _start(client, "reindex")
        _await(client, [waiting], status="waiting")
        _start(client, "release", params={"version": "2.14.1"}, title="Release 2.14.1")
    return Scene(failed=failed, waiting=waiting, done=done, fan=fan)


def documents() -> Iterator[str]:
    """The plans of the scene, as YAML."""
    for path in sorted(PLANS.glob("*.yaml")):
        yield path.read_text().replace("DUMPS", _dumps()).replace("NAMES", ", ".join(f"dump-{n}" for n in DATABASES))


def _dumps() -> str:
    """One step a database; that of the mails works at its second attempt."""
    dump = 'sleep 0.7; echo "dumped $NAME"'
    flaky = '[ -f seen ] || { touch seen; echo "connection reset by peer" >&2; exit 75; }; echo "dumped $NAME"'
    return "\n".join(
        f"  - {{id: dump-{name}, needs: [list], uses: shell, retry: {{max_attempts: 3, initial: 1s}},"
        f" with: {{run: '{flaky if name == 'mails' else dump}', env: {{NAME: {name}}}}}}}"
        for name in DATABASES
    )


def _start(client: httpx.Client, plan: str, **wanted: Any) -> str:
    answer = client.post("/runs", json={"plan": plan, **wanted}).raise_for_status()
    return str(answer.json()["id"])


def _await(client: httpx.Client, runs: list[str], *, status: str = "") -> None:
    """Until each of them has ended, or has this status."""
    deadline = time.monotonic() + DONE_S
    for run in runs:
        while not _is_there(client.get(f"/runs/{run}").json(), status):
            if time.monotonic() > deadline:
                raise SystemExit(f"run {run} did not get there within {DONE_S:.0f} s")
            time.sleep(0.2)  # between two looks


def _is_there(run: Mapping[str, Any], status: str) -> bool:
    return run["status"] == status if status else run["finished_at"] is not None
