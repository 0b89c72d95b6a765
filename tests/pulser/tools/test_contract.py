"""What every installed tool keeps to. A new tool adds its rows to the two tables and is held to the rest."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pulser.language.catalogue import Effect, ErrorClass
from pulser.tools.base import Cancelled, Suspension, Tool, ToolContext, ToolError
from pulser.tools.registry import installed
from tests.pulser.tools.conftest import MakeContext
from tests.pulser.tools.server import Server

FUNCTIONS = "tests.pulser.tools.functions"
SOON_S = 15.0  # before the time of the context is up, and what lasts has ended by itself

# A call that works. `{server}` is an address that the settings allow.
WORKS: dict[str, dict[str, Any]] = {
    "shell": {"run": "echo hello; env"},
    "python": {"function": f"{FUNCTIONS}:environment", "isolated": True},
    "http": {"url": "http://{server}/echo"},
    "sql": {"query": "SELECT 1 AS one", "database": "zoo"},
    "wait": {"duration": "1s"},
    "approval": {"message": "Go on?"},
}

# A call that the tool refuses or that fails.
FAILS: dict[str, dict[str, Any]] = {
    "shell": {"run": "exit 1"},
    "python": {"function": f"{FUNCTIONS}:fail"},
    "http": {"url": "http://{server}/status/500"},
    "sql": {"query": "SELECT nothing", "database": "zoo"},
    "wait": {"duration": "soon"},
    "approval": {"timeout": "soon"},
}

# A call that takes long, by tools that hold a worker.
LASTS: dict[str, dict[str, Any]] = {
    "shell": {"run": "sleep 60"},
    "python": {"function": f"{FUNCTIONS}:sleep", "isolated": True},
    "http": {"url": "http://{server}/drip"},
    "sql": {"query": "SELECT pg_sleep(60)", "database": "zoo"},
}

every_tool = pytest.mark.parametrize("tool", installed().values(), ids=installed().keys())
suspending_tool = pytest.mark.parametrize("tool", [tool for tool in installed().values() if tool.spec.suspends])
lasting_tool = pytest.mark.parametrize("tool", [installed()[name] for name in LASTS], ids=LASTS.keys())


@pytest.fixture
def context(make_context: MakeContext, server: Server, postgres_server: Any) -> ToolContext:
    settings = {
        "http_allow": [server.address],
        "databases": {"zoo": postgres_server.conninfo},
        "python_functions": [f"{FUNCTIONS}:*"],
    }
    return make_context(settings=settings)


def arguments(table: Mapping[str, dict[str, Any]], tool: Tool, server: Server) -> dict[str, Any]:
    row = table[tool.spec.name]
    return {key: value.replace("{server}", server.address) if key == "url" else value for key, value in row.items()}


@every_tool
def test_a_tool_describes_itself(tool: Tool) -> None:
    assert tool.spec.title
    assert tool.spec.description.endswith(".")
    assert tool.spec.name == tool.spec.name.strip().lower()


@every_tool
def test_its_schemas_are_json_schemas_of_objects(tool: Tool) -> None:
    for schema in (tool.spec.input, tool.spec.output):
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert json.loads(json.dumps(schema)) == schema


@every_tool
def test_it_takes_no_arguments_that_it_does_not_know(tool: Tool, server: Server) -> None:
    known = Draft202012Validator(tool.spec.input)
    right = arguments(WORKS, tool, server)

    assert (known.is_valid(right), known.is_valid(right | {"unknown": 1})) == (True, False)


@every_tool
def test_it_has_an_effect_for_any_arguments(tool: Tool, server: Server) -> None:
    for known in ({}, arguments(WORKS, tool, server)):
        assert isinstance(tool.spec.effect_for(known), Effect)


@every_tool
def test_its_outputs_are_json_of_its_schema_or_it_suspends(tool: Tool, server: Server, context: ToolContext) -> None:
    outputs = tool.call(arguments(WORKS, tool, server), context)

    assert isinstance(outputs, Suspension) is tool.spec.suspends
    if not isinstance(outputs, Suspension):
        Draft202012Validator(tool.spec.output).validate(outputs)
        assert json.loads(json.dumps(outputs, allow_nan=False)) == outputs


@suspending_tool
def test_a_suspension_ends_at_one_moment(tool: Tool, server: Server, context: ToolContext) -> None:
    found = tool.call(arguments(WORKS, tool, server), context)

    assert isinstance(found, Suspension)
    assert (found.until is None) != (found.for_s is None)


@every_tool
def test_its_failures_are_tool_errors_with_a_class(tool: Tool, server: Server, context: ToolContext) -> None:
    with pytest.raises(ToolError) as caught:
        tool.call(arguments(FAILS, tool, server), context)

    assert caught.value.error_class in set(ErrorClass) - {ErrorClass.LOST}
    assert caught.value.message
    assert json.loads(json.dumps(caught.value.outputs)) == caught.value.outputs


@every_tool
def test_it_tells_nothing_of_the_servers_environment(
    tool: Tool,
    server: Server,
    context: ToolContext,
    written: list[tuple[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTROLROOM_SECRET_KEY", "the-servers-secret")

    outputs = tool.call(arguments(WORKS, tool, server), context)

    assert "the-servers-secret" not in f"{outputs}{written}"


@every_tool
def test_it_leaves_the_workers_process_as_it_was(tool: Tool, server: Server, context: ToolContext) -> None:
    before = (dict(os.environ), Path.cwd(), os.umask(0o022))

    tool.call(arguments(WORKS, tool, server), context)

    assert (dict(os.environ), Path.cwd(), os.umask(before[2])) == (before[0], before[1], 0o022)


@every_tool
def test_it_leaves_no_open_files(tool: Tool, server: Server, context: ToolContext) -> None:
    tool.call(arguments(WORKS, tool, server), context)  # the first call may load what stays
    before = mine()

    for _ in range(3):
        tool.call(arguments(WORKS, tool, server), context)

    assert mine() <= before


def mine() -> int:
    """Open files of this process that are no connections (the test's server has those)."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            count += not str(link.readlink()).startswith("socket:")
    return count


@lasting_tool
def test_it_ends_soon_after_it_is_cancelled(tool: Tool, server: Server, context: ToolContext) -> None:
    threading.Timer(0.3, context.cancelled.set).start()
    began = time.monotonic()

    with pytest.raises(Cancelled):
        tool.call(arguments(LASTS, tool, server), context)

    assert time.monotonic() - began < SOON_S


@lasting_tool
def test_it_does_not_begin_when_it_is_cancelled_before(tool: Tool, server: Server, context: ToolContext) -> None:
    context.cancelled.set()
    began = time.monotonic()

    with pytest.raises(Cancelled):
        tool.call(arguments(LASTS, tool, server), context)

    assert time.monotonic() - began < SOON_S


@lasting_tool
def test_it_ends_when_its_time_is_over(tool: Tool, server: Server, context: ToolContext) -> None:
    context.timeout_s = 0.5
    began = time.monotonic()

    with pytest.raises(ToolError) as caught:
        tool.call(arguments(LASTS, tool, server), context)

    assert caught.value.error_class is ErrorClass.TIMEOUT
    assert time.monotonic() - began < SOON_S


def test_every_installed_tool_has_its_rows_in_the_tables() -> None:
    holding = {name for name, tool in installed().items() if not tool.spec.suspends}

    assert WORKS.keys() == FAILS.keys() == installed().keys()
    assert LASTS.keys() == holding
