"""Values on their way into PostgreSQL's jsonb and text, which know neither NUL nor half of a surrogate pair."""

from __future__ import annotations

from typing import Any

REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:
    """The same value with replacement marks for what cannot be stored. Depth is bounded by the JSON it came from."""
    if isinstance(value, str):
        return value.replace("\0", REPLACEMENT).encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
