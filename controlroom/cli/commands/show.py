"""`controlroom show`: one run with its steps."""

from __future__ import annotations

from typing import Any

import click

from controlroom.cli.client import connect
from controlroom.cli.output import local_time, say, say_json, say_table, status_word


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True)
def show(run: str, *, as_json: bool) -> None:
    """Show RUN, its steps and their attempts."""
    api = connect()
    found = api.get(f"/runs/{api.run_id(run)}")
    if as_json:
        return say_json(found)
    return say_run(found)


def say_run(run: dict[str, Any]) -> None:
    """The run for people."""
    say(f"{status_word(run['status'])}  {run['title']}")
    say(f"  {run['id']}  {run['plan']}@{run['version']}  lane {run['lane']}  {run['environment']}")
    times = [f"{name} {local_time(run[f'{name}_at'])}" for name in ("created", "started", "finished")]
    say(f"  {', '.join(times)}, retries {run['retry_count']}")
    say_table(("STEP", "STATUS", "ATTEMPTS", "ERROR"), [_row(step) for step in run["steps"]])


def _row(step: dict[str, Any]) -> list[str]:
    errors = [attempt["error"]["message"] for attempt in step["attempts"] if attempt["error"]]
    last = errors[-1].partition("\n")[0] if errors and step["status"] != "success" else ""
    return [step["id"], status_word(step["status"]), str(len(step["attempts"])), last]
