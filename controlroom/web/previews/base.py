"""The value that each kind makes, and a template shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Preview:
    """`kind` names the template; `notes` are said above it: what is left out, and what is wrong with the file."""

    kind: str
    value: Any = None
    notes: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        return f"runs/previews/_{self.kind}.html"
