"""What the checker knows about tools and verifiers: values only, so that a plan is checked without running anything.

A tool or verifier describes itself with one of these specs; the folders `pulser/tools` and `pulser/verifiers` provide
them, the checker and the engine read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

JsonSchema = Mapping[str, Any]


class Effect(StrEnum):
    """What calling a tool twice does to the outside world."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    COMPENSABLE = "compensable"
    IRREVERSIBLE = "irreversible"


class ErrorClass(StrEnum):
    """Why an attempt failed; the class carries the retry decision."""

    TRANSIENT = "transient"
    TIMEOUT = "timeout"
    FAILED = "failed"
    LOST = "lost"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a plan sees it.

    `input` and `output` are JSON Schemas (draft 2020-12) of `with` and of the outputs. `script_fields` are the
    arguments that a shell reads as a script when they are text. `suspends`: the step holds no worker while it waits.
    `declares_outputs`: the plan may add typed outputs of its own. `effect_of` decides the effect from the literal
    arguments; a value that is known only at run time is absent from them.
    """

    name: str
    title: str
    description: str
    input: JsonSchema
    output: JsonSchema
    effect: Effect
    effect_of: Callable[[Mapping[str, Any]], Effect] | None = None
    script_fields: frozenset[str] = frozenset()
    suspends: bool = False
    declares_outputs: bool = False

    def effect_for(self, arguments: Mapping[str, Any]) -> Effect:
        """The effect class of a call with these arguments."""
        return self.effect_of(arguments) if self.effect_of else self.effect


@dataclass(frozen=True, slots=True)
class VerifierSpec:
    """A verifier as a plan sees it: `config` is the JSON Schema of what stands behind its name under `verify`."""

    name: str
    title: str
    description: str
    config: JsonSchema
    reads: frozenset[str] = frozenset()
    """Outputs of the step that it needs; a tool without them cannot be judged by it."""


class Catalogue(Protocol):
    """What may stand behind `uses` and under `verify`."""

    def tools(self) -> Mapping[str, ToolSpec]: ...

    def verifiers(self) -> Mapping[str, VerifierSpec]: ...


@dataclass(frozen=True, slots=True)
class StaticCatalogue:
    """A catalogue of values, for tests and for tools that are already loaded."""

    tool_specs: Mapping[str, ToolSpec] = field(default_factory=dict)
    verifier_specs: Mapping[str, VerifierSpec] = field(default_factory=dict)

    def tools(self) -> Mapping[str, ToolSpec]:
        return self.tool_specs

    def verifiers(self) -> Mapping[str, VerifierSpec]:
        return self.verifier_specs
