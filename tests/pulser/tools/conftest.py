"""A worker's side of a tool call: a context in a workspace of its own, and what the tool wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pulser.tools.base import ToolContext
from tests.pulser.tools.server import Server

MakeContext = Callable[..., ToolContext]


@pytest.fixture
def written() -> list[tuple[str, bytes]]:
    """Every chunk that the tool wrote, with its stream."""
    return []


@pytest.fixture
def make_context(tmp_path: Path, written: list[tuple[str, bytes]]) -> MakeContext:
    """A context with defaults; `settings` are added to a short grace period."""

    def make(*, settings: dict[str, Any] | None = None, **fields: Any) -> ToolContext:
        workdir = tmp_path / "work"
        workdir.mkdir(exist_ok=True)
        defaults: dict[str, Any] = {
            "workdir": workdir,
            "timeout_s": 20.0,
            "idempotency_key": "run-1/build",
            "write": lambda stream, data: written.append((stream, data)),
        }
        return ToolContext(**(defaults | fields), settings={"kill_grace_s": 0.3} | (settings or {}))

    return make


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def other() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()
