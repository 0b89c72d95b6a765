"""`controlroom retry`, `cancel` and `archive`: what people do to a run."""

from __future__ import annotations

from typing import Any

import click

from controlroom.cli.client import connect
from controlroom.cli.output import say, say_json, short_id, status_word


@click.command()
@click.argument("run")
@click.option("--from", "from_", metavar="STEP", help="Retry from this step; `start` makes a new run.")
@click.option("--version", type=int, help="A new run with this version of the plan.")
@click.option("--json", "as_json", is_flag=True)
def retry(run: str, *, from_: str | None, version: int | None, as_json: bool) -> None:
    """Retry the failed steps of RUN."""
    wanted = {"from": from_, "version": version}
    _move(run, "retry", as_json=as_json, json={name: value for name, value in wanted.items() if value is not None})


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True)
def cancel(run: str, *, as_json: bool) -> None:
    """Cancel RUN; a second time skips its finally steps."""
    _move(run, "cancel", as_json=as_json)


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True)
def archive(run: str, *, as_json: bool) -> None:
    """Archive RUN, which must have ended."""
    _move(run, "archive", as_json=as_json)


def _move(reference: str, verb: str, *, as_json: bool, **request: Any) -> None:
    api = connect()
    moved = api.post(f"/runs/{api.run_id(reference)}/{verb}", **request)
    if as_json:
        say_json(moved)
    else:
        say(f"{short_id(moved['id'])}  {status_word(moved['status'])}  {moved['title']}")
