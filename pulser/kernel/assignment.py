"""What a runner is handed: one attempt of a step, rendered, with nothing left to look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulser.language.catalogue import Effect, JsonSchema
from pulser.language.document import ArtifactSpec


@dataclass(frozen=True, slots=True)
class VerifyEntry:
    """A verifier to ask, with its rendered config. One that is not `required` only warns."""

    verifier: str
    config: Any
    required: bool = True


@dataclass(frozen=True, slots=True)
class Assignment:
    """An attempt to perform. `number` is its fence, `timeout_s` what the call may take, `lease_s` the claim's lease.

    `declared`: the step's own outputs, name -> JSON Schema. `settings`: what the host lets tools know. `workdir` is
    made when it is not there. `leftover_groups`: process groups on this host that earlier attempts have started.
    """

    run_id: str
    step_id: str
    number: int
    tool: str
    arguments: Mapping[str, Any]
    workdir: Path
    timeout_s: float
    lease_s: float
    idempotency_key: str
    """The same over all attempts of the step."""
    effect: Effect
    environment: str = "dev"
    declared: Mapping[str, JsonSchema] = field(default_factory=dict)
    artifacts: tuple[ArtifactSpec, ...] = ()
    verify: tuple[VerifyEntry, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    leftover_groups: tuple[int, ...] = ()

    @property
    def is_irreversible(self) -> bool:
        return self.effect == Effect.IRREVERSIBLE

    @property
    def name(self) -> str:
        """For the server's log."""
        return f"run {self.run_id}: step {self.step_id}"

    @property
    def judges_exit_code(self) -> bool:
        """Whether a verifier says which exit code is right."""
        return any(entry.verifier == "exit_code" for entry in self.verify)
