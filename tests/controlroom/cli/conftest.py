"""A real server on the test's database, and the commands as a user calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

if TYPE_CHECKING:
    from pathlib import Path

Cli = Callable[..., Result]


@pytest.fixture
def address(daphne: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The environment of an operator who has a token."""
    from tests.factories import make_lane, make_session, make_token

    for position, name in enumerate("ABCD"):
        make_lane(name, position=position)
    make_session()
    monkeypatch.setenv("CONTROLROOM_URL", daphne)
    monkeypatch.setenv("CONTROLROOM_API_TOKEN", make_token("operator"))
    monkeypatch.setenv("CONTROLROOM_DATA", str(tmp_path))
    return daphne


@pytest.fixture
def cli() -> Cli:
    """Calls a command in this process: `cli("run", "hello", "--json")`."""
    from controlroom.cli import main

    def call(*arguments: str, text: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, list(arguments), input=text, catch_exceptions=False)

    return call
