"""The control room under fire: furnished with a run in each status, so that calls hit what is there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.room import Room, room

LONGEST_S = 120.0
OURS = "C"  # a lane that the fuzzed calls are not shown: they pause lanes and narrow them
SECRET = "a secret of the fuzzed hook"
PARAMS = {"type": "object", "properties": {"n": {"type": "integer"}, "note": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Target:
    """A room and what stands in it. `ids`: real values by the name of the parameter that takes them."""

    room: Room
    viewer: str
    ids: dict[str, list[str]]

    @property
    def tokens(self) -> dict[str, str]:
        return {"operator": self.room.token, "viewer": self.viewer, "nobody": ""}

    @property
    def waiting(self) -> str:
        """A run that waits for a person."""
        return self.ids["waiting"][0]


@contextmanager
def target() -> Iterator[Target]:
    with room(workers=4) as ours, ours.client() as client:
        for document in documents():
            client.post("/plans", json=document).raise_for_status()
        client.patch("/lanes/D", json={"paused": True}).raise_for_status()
        ids = furnish(client)
        with psycopg.connect(ours.database_url, autocommit=True) as connection:
            client.post("/hooks/quick", json={}).raise_for_status()  # its row is made at the first call
            connection.execute("UPDATE runs_hook SET secret = %s WHERE slug = 'quick'", [SECRET])
        yield Target(ours, _token(ours, role="viewer"), ids)


def documents() -> list[dict[str, Any]]:
    write = "echo out; echo err >&2; echo found > report.txt; echo count=3 >> $PULSER_OUTPUT"
    report = {"artifacts": [{"path": "report.txt", "kind": "file"}], "outputs": {"count": {"type": "integer"}}}
    ask = {"role": "operator", "message": "Go on?"}
    return [
        _plan("quick", {"uses": "shell", "with": {"run": write}, **report}),
        _plan("broken", {"uses": "shell", "with": {"run": "exit 3"}, "retry": {"max_attempts": 1}}),
        _plan("again", {"uses": "shell", "with": {"run": "exit 3"}, "retry": {"initial": "300s"}}),
        _plan("asks", {"uses": "approval", "with": ask}),
        _plan("slow", {"uses": "shell", "with": {"run": "sleep 60"}}),
    ]


def _plan(slug: str, step: dict[str, Any]) -> dict[str, Any]:
    return {"pulser": 1, "slug": slug, "title": slug, "params": PARAMS, "steps": [{"id": "only", **step}]}


def furnish(client: httpx.Client) -> dict[str, list[str]]:
    """Start a run for each status, and say by which parameter what is found."""
    ended = [
        _reaches(client, start(client, plan), status) for plan, status in (("quick", "success"), ("broken", "error"))
    ]
    waiting = [_reaches(client, start(client, plan), "waiting") for plan in ("asks", "asks", "asks", "again")]
    running = _reaches(client, start(client, "slow"), "running")
    queued = start(client, "quick", lane="D")
    cancelled, archived = start(client, "asks"), _reaches(client, start(client, "quick"), "success")
    client.post(f"/runs/{cancelled}/cancel").raise_for_status()
    client.post(f"/runs/{archived}/archive").raise_for_status()
    session = client.post("/sessions", json={"name": "of the fuzzer"}).raise_for_status().json()["id"]
    artifacts = client.get(f"/runs/{ended[0]}/artifacts").raise_for_status().json()["items"]
    ended += [_reaches(client, cancelled, "cancelled"), archived]
    return {
        "run_id": [*ended, *waiting, running, queued],
        "artifact_id": [str(item["id"]) for item in artifacts],
        "session_id": ["1", str(session)],
        "slug": ["quick", "broken", "again", "asks"],  # not `slow`: its runs would take all workers
        "name": ["A", "B", "D"],
        "step": ["only"],
        "ended": ended,
        "with_artifact": ended[:1],
        "waiting": waiting,
    }


def start(client: httpx.Client, plan: str, **wanted: Any) -> str:
    return str(client.post("/runs", json={"plan": plan, **wanted}).raise_for_status().json()["id"])


def _reaches(client: httpx.Client, run_id: str, status: str) -> str:
    until(lambda: client.get(f"/runs/{run_id}").raise_for_status().json()["status"] == status, f"{status} of {run_id}")
    return run_id


def until(condition: Callable[[], object], what: str, *, within_s: float = LONGEST_S) -> None:
    """Return as soon as the condition holds. Ends the program when it does not come true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {within_s:g} s")
        time.sleep(0.05)  # between two looks


def _token(ours: Room, *, role: str) -> str:
    command = [str(Path(sys.executable).parent / "controlroom"), "token", "create", f"fuzz {role}", "--role", role]
    environment = {**os.environ, **ours.environment, "DATABASE_URL": ours.database_url}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
