"""`controlroom token`: needs the database itself, for it makes what everything else needs."""

from __future__ import annotations

import os

import click

from controlroom.cli.client import Unreachable
from controlroom.cli.output import say, say_json
from controlroom.env import data_dir

ROLES = ("viewer", "operator", "admin")


@click.group()
def token() -> None:
    """Make API tokens."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="operator", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def create(name: str, *, role: str, as_json: bool) -> None:
    """Make a token called NAME and print its secret, which is shown only this once."""
    secret = _issue(name, role=role)
    if as_json:
        say_json({"name": name, "role": role, "token": secret})
    else:
        say(secret)


def _issue(name: str, *, role: str) -> str:
    os.environ.setdefault("DATABASE_URL", _embedded_url())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlroom.settings")
    import django
    from django.db import OperationalError, ProgrammingError

    django.setup()
    from runs.models import ApiToken

    if not 0 < len(name) <= 100:
        raise click.UsageError("a token's name has 1 to 100 characters")
    try:
        _, secret = ApiToken.issue(name, role=role)
    except (OperationalError, ProgrammingError) as error:
        raise Unreachable(f"the database does not answer: {error}; is the control room up?") from error
    return secret


def _embedded_url() -> str:
    """Where the embedded database of this data directory listens while it runs."""
    from controlroom.stack.postgres import EmbeddedPostgres

    return EmbeddedPostgres(data_dir()).url
