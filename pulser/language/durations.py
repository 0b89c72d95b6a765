"""Durations as people write them (`250ms`, `30s`, `2m`, `1h30m`, `1d`, or a plain number of seconds), and moments."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)  # digits as in the published pattern


def seconds(value: object) -> float:
    """The duration in seconds. Raises ValueError for text that is none, and for what is negative."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a duration such as 30s, 2m or 1h30m")
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value.strip()):
            raise ValueError(f"expected a duration such as 30s, 2m or 1h30m, got {value!r}")
        return sum(float(number) * UNITS[unit] for number, unit in _PART.findall(value))
    if value < 0 or value != value or value == float("inf"):
        raise ValueError(f"expected a duration of zero or more seconds, got {value}")
    return float(value)


def moment(text: str) -> datetime:
    """The moment that is written (RFC 3339). Raises ValueError for text that is none, and for one without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a time such as 2030-01-31T09:00:00Z, got {text[:100]!r}") from None
    if found.tzinfo is None:
        raise ValueError(f"{text} has no time zone; write {text}Z for UTC")
    return found


_PUBLISHED = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": rf"^\s*{_WHOLE.pattern}\s*$", "examples": ["30s", "2m", "1h30m"]},
    ]
}
Seconds = Annotated[float, BeforeValidator(seconds), Field(ge=0), WithJsonSchema(_PUBLISHED)]
