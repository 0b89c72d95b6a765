"""`controlroom run`: start a plan, and watch it if asked to."""

from __future__ import annotations

from typing import Any

import click

from controlroom.cli.client import Api, connect
from controlroom.cli.follow import follow, progress_line
from controlroom.cli.output import say, say_json, short_id, status_word
from pulser.language.limits import ID_MAX
from pulser.language.numbers import whole_number


@click.command()
@click.argument("plan")
@click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="A param; repeatable.")
@click.option("--watch", is_flag=True, help="Show progress until the run has ended; exit 1 if it fails.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON (progress then goes to stderr).")
@click.option("--lane", help="Name of the lane.")
@click.option("--session", help="Id or name of the session.")
@click.option("--title", help="Title of the run.")
@click.option("--environment", type=click.Choice(["dev", "staging", "prod"]))
@click.option("--priority", type=int, help="Higher runs first.")
@click.option("--key", help="Idempotency key: a repeat does not start another run.")
def run(plan: str, params: tuple[str, ...], *, watch: bool, as_json: bool, key: str | None, **wanted: Any) -> None:
    """Start a run of PLAN, a slug or slug@version."""
    api = connect()
    body = {name: value for name, value in wanted.items() if value is not None} | {"plan": plan}
    if params:
        body["params"] = typed_params(api, plan, pairs=params)
    if "session" in body:
        body["session"] = session_id(api, body["session"])
    started = api.post("/runs", json=body, headers={"Idempotency-Key": key} if key else None)
    if watch:
        started = _watch(api, started, err=as_json)
    if as_json:
        say_json(started)
    elif not watch:
        say(f"{started['id']}  {status_word(started['status'])}  {started['title']}")
    if watch and started["status"] != "success":
        raise SystemExit(1)


def typed_params(api: Api, plan: str, *, pairs: tuple[str, ...]) -> dict[str, Any]:
    """`KEY=VALUE` pairs with the types that the plan's schema gives them. Raises click.UsageError."""
    from pulser.language.params import coerce_params

    texts: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"-p {pair}: expected KEY=VALUE")
        texts[name] = value
    slug, _, version = plan.partition("@")
    schema = api.get(f"/plans/{slug}", version=version or None)["params"]
    typed, problems = coerce_params(schema, texts)
    if problems:
        raise click.UsageError("; ".join(f"{problem.path}: {problem.message}" for problem in problems))
    return typed


def session_id(api: Api, reference: str) -> int:
    """The id of a session that is named by id or name. Raises click.UsageError."""
    number = whole_number(reference, at_most=ID_MAX)
    if number is not None:
        return number
    cursor = None
    while True:
        page = api.get("/sessions", limit=200, cursor=cursor)
        for session in page["items"]:
            if session["name"] == reference:
                return int(session["id"])
        cursor = page["next"]
        if cursor is None:
            raise click.UsageError(f"session {reference} not found")


def _watch(api: Api, started: dict[str, Any], *, err: bool) -> dict[str, Any]:
    """Show each change as it happens; returns the run as it ended."""
    run_id = started["id"]
    say(f"run {short_id(run_id)}  {started['title']}  {api.url}/runs/{run_id}", err=err)
    for event in follow(api, run_id):
        line = progress_line(event)
        if line:
            say(line, err=err)
    ended: dict[str, Any] = api.get(f"/runs/{run_id}")
    return ended
