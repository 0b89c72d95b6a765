"""Times that nobody but the store can tell: it sets them by its own clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Now:
    """The moment at which it is written."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """So many seconds after it is written."""

    seconds: float


NOW = Now()
