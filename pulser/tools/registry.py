"""The tools that are installed: the built-in ones, and those of other packages (group `controlroom.tools`)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType

from jsonschema import Draft202012Validator

from pulser import plugins
from pulser.language.catalogue import Catalogue, StaticCatalogue, ToolSpec
from pulser.tools.approval import Approval
from pulser.tools.base import Tool
from pulser.tools.http import Http
from pulser.tools.python import Python
from pulser.tools.shell import Shell
from pulser.tools.sql import Sql
from pulser.tools.wait import Wait
from pulser.verifiers import registry as verifiers

GROUP = "controlroom.tools"
BUILT_IN: tuple[Tool, ...] = (Shell(), Python(), Http(), Sql(), Wait(), Approval())


@functools.cache
def installed() -> Mapping[str, Tool]:
    """Name -> tool, the built-in ones first. Read once per process."""
    tools = {tool.spec.name: tool for tool in BUILT_IN}
    return MappingProxyType(tools | plugins.load(GROUP, check=_checked_name, taken=tools))


def get(name: str) -> Tool:
    """The tool of that name. Raises LookupError that names those which are installed."""
    try:
        return installed()[name]
    except KeyError:
        raise LookupError(f"no tool `{name}` is installed; there are {', '.join(installed())}") from None


@functools.cache
def installed_catalogue() -> Catalogue:
    """What the plan checker needs to know of all installed tools and verifiers."""
    return StaticCatalogue(
        tool_specs=MappingProxyType({name: tool.spec for name, tool in installed().items()}),
        verifier_specs=MappingProxyType({name: each.spec for name, each in verifiers.installed().items()}),
    )


def _checked_name(tool: Tool) -> str:
    spec = tool.spec
    if not isinstance(spec, ToolSpec) or not callable(tool.call):
        raise TypeError("expected an object with `spec` (a ToolSpec) and `call`")
    Draft202012Validator.check_schema(spec.input)
    Draft202012Validator.check_schema(spec.output)
    return spec.name
