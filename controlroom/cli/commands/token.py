"""`controlroom token`: needs the database itself, for it makes what everything else needs."""

from __future__ import annotations

import click

from controlroom.cli.direct import database
from controlroom.cli.output import say, say_json

ROLES = ("viewer", "operator", "admin")


@click.group()
def token() -> None:
    """Create API tokens."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="operator", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def create(name: str, *, role: str, as_json: bool) -> None:
    """Create a token named NAME and print its secret, which is shown only once."""
    secret = _issue(name, role=role)
    if as_json:
        say_json({"name": name, "role": role, "token": secret})
    else:
        say(secret)


def _issue(name: str, *, role: str) -> str:
    if not 0 < len(name) <= 100:
        raise click.UsageError("a token's name has 1 to 100 characters")
    with database():
        from runs.accounts.models import ApiToken

        return ApiToken.issue(name, role=role)[1]
