"""`controlroom logs`: what a run's steps wrote."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import httpx

from controlroom.cli.client import Api, Unreachable, connect
from controlroom.cli.follow import ReconnectBackoff
from pulser.engine.states import RUN_ENDED

LOOK_EVERY_S = 0.5


@click.command()
@click.argument("run")
@click.option("--step", help="Only this step.")
@click.option("--follow", is_flag=True, help="Follow until the run has ended.")
def logs(run: str, *, step: str | None, follow: bool) -> None:
    """Print the log of RUN."""
    api = connect()
    run_id = api.run_id(run)
    if follow:
        _follow(api, run_id, step)
    else:
        _print(api, run_id, step)


def _print(api: Api, run_id: str, step: str | None) -> None:
    query = {"format": "text"} | ({"step": step} if step else {})
    out = sys.stdout.buffer
    try:
        with api.stream(f"/runs/{run_id}/log", params=query) as response:
            for piece in response.iter_bytes():
                out.write(piece)
    except httpx.TransportError as error:
        raise api.unreachable(error) from error
    out.flush()


def _follow(api: Api, run_id: str, step: str | None) -> None:
    """Whether the run has ended is asked before the log is read, so nothing written before its end is missed."""
    reader, pauses = LogReader(api, run_id, step), ReconnectBackoff(api)
    while True:
        try:
            has_ended = api.get(f"/runs/{run_id}")["status"] in RUN_ENDED
            for item in reader.news():
                click.echo(item["text"], nl=False)
            pauses.reset()
        except Unreachable as error:
            pauses.wait(error)
            continue
        if has_ended and reader.is_at_end:
            return
        time.sleep(LOOK_EVERY_S)


class LogReader:
    """Reads on from page to page. The last page has no `next`: it is read again, less what is known of it."""

    def __init__(self, api: Api, run_id: str, step: str | None) -> None:
        self.api = api
        self.path = f"/runs/{run_id}/log"
        self.step = step
        self.after: str | None = None
        self.known: set[tuple[str, int, int]] = set()
        self.is_at_end = False

    def news(self) -> list[dict[str, Any]]:
        """What came since the last call, at most one page."""
        page = self.api.get(self.path, step=self.step, after=self.after, limit=200)
        fresh = [item for item in page["items"] if _place(item) not in self.known]
        self.known = set() if page["next"] else self.known | {_place(item) for item in fresh}
        self.after = page["next"] or self.after
        self.is_at_end = page["next"] is None
        return fresh


def _place(item: dict[str, Any]) -> tuple[str, int, int]:
    return item["step"], item["attempt"], item["offset"]
