from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from pulser import plugins
from pulser.language.catalogue import Effect, ToolSpec
from pulser.tools import registry
from pulser.tools.base import Outputs, ToolContext


class Greet:
    """A third party's tool."""

    spec = ToolSpec(
        name="greet",
        title="Greet",
        description="Greets.",
        input={"type": "object"},
        output={"type": "object"},
        effect=Effect.PURE,
    )

    def call(self, arguments: Mapping[str, Any], context: ToolContext) -> Outputs:
        return {"greeting": "hello"}


class Shadow(Greet):
    spec = registry.BUILT_IN[0].spec


class Misdescribed(Greet):
    spec = ToolSpec(name="bad", title="", description="", input={"type": 7}, output={}, effect=Effect.PURE)


class NotATool:
    pass


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other packages: one sound tool among broken ones."""
    values = {
        "away": "no_such_package:Tool",
        "absent": f"{__name__}:Absent",
        "bad": f"{__name__}:Misdescribed",
        "greet": f"{__name__}:Greet",
        "nothing": f"{__name__}:NotATool",
        "shell": f"{__name__}:Shadow",
        "twice": f"{__name__}:Greet",
    }
    entries = [EntryPoint(name, value, registry.GROUP) for name, value in values.items()]
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries if group == registry.GROUP else [])
    registry.installed.cache_clear()
    registry.installed_catalogue.cache_clear()
    yield
    registry.installed.cache_clear()
    registry.installed_catalogue.cache_clear()


def test_the_built_in_tools_are_installed() -> None:
    assert list(registry.installed()) == ["shell", "python", "http", "sql", "wait", "approval"]


@pytest.mark.usefixtures("others")
def test_a_broken_tool_of_others_does_not_take_the_rest_down() -> None:
    assert list(registry.installed()) == ["shell", "python", "http", "sql", "wait", "approval", "greet"]


@pytest.mark.usefixtures("others")
def test_a_tool_that_is_left_out_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        registry.installed()

    left_out = [message.split()[2] for message in caplog.messages]
    assert left_out == ["absent", "away", "bad", "nothing", "shell", "twice"]


@pytest.mark.usefixtures("others")
def test_a_tool_of_others_cannot_take_a_built_in_name() -> None:
    assert registry.get("shell") is registry.BUILT_IN[0]


@pytest.mark.usefixtures("others")
def test_the_catalogue_has_the_specs_of_all_tools_and_verifiers() -> None:
    catalogue = registry.installed_catalogue()

    assert catalogue.tools()["greet"] is Greet.spec
    assert set(catalogue.verifiers()) >= {"exit_code", "regex"}


def test_a_name_that_nobody_has_is_told_with_those_that_are_there() -> None:
    with pytest.raises(LookupError, match="no tool `shel` is installed; there are shell, python"):
        registry.get("shel")


def test_tools_and_verifiers_need_no_django() -> None:
    script = "import sys, pulser.tools.registry as r; r.installed_catalogue(); print('django' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout == "False\n"
