"""Following a run: its events as they happen, over cuts of the connection, each once and in order."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click
import httpx

from controlroom.cli.client import Api, Unreachable
from controlroom.cli.output import local_time, status_word
from pulser.engine.states import RUN_ENDED, status_told

SILENCE_S = 45.0  # the stream says something every 15 s
GIVE_UP_AFTER_S = 60.0
PAUSE_MAX_S = 5.0

Event = dict[str, Any]


def follow(api: Api, run_id: str, *, after: int = 0) -> Iterator[Event]:
    """Events of the run until it has ended and all are told. Raises Unreachable when a minute passes in vain."""
    seq = after
    pauses = ReconnectBackoff(api)
    while True:
        try:
            for event in _connected(api, run_id, after=seq):
                seq = event["seq"]
                pauses.reset()
                yield event
            run = api.get(f"/runs/{run_id}")
            if run["status"] in RUN_ENDED and run["seq"] <= seq:
                return
            pauses.rest()
        except (httpx.TransportError, Unreachable) as error:
            pauses.wait(error)


def _connected(api: Api, run_id: str, *, after: int) -> Iterator[Event]:
    headers = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
    timeout = httpx.Timeout(10.0, read=SILENCE_S)
    with api.stream(f"/runs/{run_id}/events/stream", headers=headers, timeout=timeout) as response:
        yield from parse_events(response.iter_lines())


def parse_events(lines: Iterable[str]) -> Iterator[Event]:
    """The JSON of each server-sent event (HTML standard, section 9.2.6); comments and unfinished events are dropped."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield json.loads("\n".join(data))
            data = []


class ReconnectBackoff:
    """Growing pauses with full jitter between attempts to come back, for a minute at most."""

    def __init__(self, api: Api, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.api = api
        self.sleep = sleep
        self.reset()

    def reset(self) -> None:
        self.tries = 0
        self.since: float | None = None

    def rest(self) -> None:
        """The server ended the stream of a run that goes on, as before a restart: come back, though not at once."""
        self.reset()
        self.sleep(random.uniform(0.05, 0.5))  # noqa: S311 (no secret)

    def wait(self, error: Exception) -> None:
        """Raises Unreachable when it has been in vain for too long."""
        self.since = self.since or time.monotonic()
        if time.monotonic() - self.since > GIVE_UP_AFTER_S:
            raise self.api.unreachable(error) from error
        self.tries += 1
        self.sleep(random.uniform(0.05, min(PAUSE_MAX_S, 0.25 * 2**self.tries)))  # noqa: S311 (no secret)


UNTOLD = frozenset({"step.queued"})  # the claim that follows says it


def progress_line(event: Event) -> str | None:
    """One line for a change of the run or of a step, None for events that are none."""
    status = status_told(event["kind"])
    if status is None or event["kind"] in UNTOLD:
        return None
    name = event["step"] or "run"
    line = f"{local_time(event['at'], form='%H:%M:%S')}  {status_word(status, width=11)}  {name}"
    note = _note(event)
    return f"{line}  {click.style(note, dim=True)}" if note else line


def _note(event: Event) -> str:
    data = event["data"]
    attempt = f"attempt {event['attempt']}" if (event["attempt"] or 0) > 1 else ""
    delay = f"retry in {data['delay_s']:.1f} s" if data.get("delay_s") is not None else ""
    reason = str(data.get("reason") or "").strip().partition("\n")[0]
    return ", ".join(part for part in (attempt, reason, delay) if part)


def event_line(event: Event) -> str:
    """Any event on one line."""
    about = f" {event['step']}" if event["step"] else ""
    attempt = f" #{event['attempt']}" if event["attempt"] else ""
    said = json.dumps(event["data"], ensure_ascii=False) if event["data"] else ""
    at = local_time(event["at"], form="%H:%M:%S")
    return f"{event['seq']:>4}  {at}  {event['kind']}{about}{attempt}  {said}".rstrip()
