"""`controlroom runs`: the newest runs."""

from __future__ import annotations

from typing import Any

import click

from controlroom.cli.client import connect
from controlroom.cli.commands.run import session_id
from controlroom.cli.output import local_time, say, say_json, say_table, short_id, status_word

STATUSES = ("queued", "running", "waiting", "success", "error", "cancelled")


@click.command()
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Repeatable.")
@click.option("--lane")
@click.option("--session", help="Id or name.")
@click.option("--plan")
@click.option("-q", "--query", "q", help="Part of the title.")
@click.option("--archived", is_flag=True, help="Only archived runs.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--cursor", help="`next` of the previous page.")
@click.option("--json", "as_json", is_flag=True)
def runs(*, status: tuple[str, ...], archived: bool, session: str | None, as_json: bool, **filters: Any) -> None:
    """List runs, newest first."""
    api = connect()
    filters["archived"] = "true" if archived else None
    filters["session"] = session_id(api, session) if session else None
    page = api.get("/runs", status=list(status), **filters)
    if as_json:
        return say_json(page)
    if not page["items"]:
        return say("no runs")
    return say_table(("RUN", "STATUS", "PLAN", "LANE", "CREATED", "TITLE"), [_row(run) for run in page["items"]])


def _row(run: dict[str, Any]) -> list[str]:
    plan = f"{run['plan']}@{run['version']}"
    created = local_time(run["created_at"])
    return [short_id(run["id"]), status_word(run["status"]), plan, run["lane"], created, run["title"]]
