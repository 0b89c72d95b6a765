"""`controlroom plan`: check a document, and keep it as a version."""

from __future__ import annotations

from typing import IO, Any

import click

from controlroom.cli.client import Api, RequestRefused, connect
from controlroom.cli.output import say, say_json


@click.group()
def plan() -> None:
    """Check and push plan documents."""


@plan.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True)
def check(file: IO[bytes], *, as_json: bool) -> None:
    """Check FILE (- for stdin); exit 1 if it has errors."""
    found = _send(connect(), "/plans/check", file.read())
    if as_json:
        say_json(found)
    else:
        _say_errors(file.name, found["errors"])
        say("no errors" if not found["errors"] else f"{len(found['errors'])} error(s)", err=True)
    if found["errors"]:
        raise SystemExit(1)


@plan.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True)
def push(file: IO[bytes], *, as_json: bool) -> None:
    """Save FILE (- for stdin) as the plan's next version, unless it equals the latest one."""
    try:
        kept = _send(connect(), "/plans", file.read())
    except RequestRefused as refusal:
        if not refusal.problem.get("errors"):
            raise
        if as_json:
            say_json(refusal.problem)
        else:
            _say_errors(file.name, refusal.problem["errors"])
        raise SystemExit(1) from refusal
    if as_json:
        return say_json(kept)
    return say(f"{kept['slug']}@{kept['version']}  {kept['digest']}")


def _send(api: Api, path: str, document: bytes) -> Any:
    return api.post(path, content=document, headers={"Content-Type": "application/yaml"})


def _say_errors(name: str, errors: list[dict[str, Any]]) -> None:
    """`file:line:column`, which editors and terminals make a link."""
    for error in errors:
        about = f"{error['path']}: " if error["path"] else ""
        say(f"{name}:{error['line']}:{error['column']}: {about}{error['message']}")
