"""`controlroom events`: what happened to a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from controlroom.cli.client import Api, connect
from controlroom.cli.follow import event_line
from controlroom.cli.follow import follow as follow_run
from controlroom.cli.output import say


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("--follow", is_flag=True, help="Follow until the run has ended.")
def events(run: str, *, as_json: bool, follow: bool) -> None:
    """Print the events of RUN in their order."""
    api = connect()
    run_id = api.run_id(run)
    for event in follow_run(api, run_id) if follow else _known(api, run_id):
        say(json.dumps(event, ensure_ascii=False) if as_json else event_line(event))


def _known(api: Api, run_id: str) -> Iterator[dict[str, Any]]:
    after: str | None = "0"
    while after is not None:
        page = api.get(f"/runs/{run_id}/events", after=after, limit=200)
        yield from page["items"]
        after = page["next"]
