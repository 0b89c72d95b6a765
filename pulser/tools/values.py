"""Values on their way from a tool into the database: text that PostgreSQL takes, JSON within the bound of an output."""

from __future__ import annotations

import json
import math
from typing import Any

from pulser.language.limits import OUTPUT_BYTES

_DEPTH = 100
_UNSTORABLE = {0: "\ufffd"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


def clean_text(text: str) -> str:
    """The text with what PostgreSQL refuses (NUL, lone surrogates) shown as U+FFFD."""
    return text.translate(_UNSTORABLE) if "\0" in text or not text.isascii() else text


def clean(value: Any) -> Any:
    """The value with all its texts, keys too, made fit for PostgreSQL. It is JSON, so its depth is bounded."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def text_of(data: bytes) -> str:
    """Bytes of a program as text: UTF-8, and U+FFFD for what is none."""
    return clean_text(data.decode("utf-8", errors="replace"))


def storable(value: Any, *, limit: int = OUTPUT_BYTES) -> Any:
    """The value, fit to be stored as JSON. Raises ValueError for what is not JSON or takes more than `limit` bytes."""
    cleaned = _cleaned(value, depth=0)
    size = len(json.dumps(cleaned, ensure_ascii=False).encode())
    if size > limit:
        raise ValueError(f"{size:,} bytes as JSON; the limit of an output is {limit:,}")
    return cleaned


def _cleaned(value: Any, *, depth: int) -> Any:
    if depth > _DEPTH:
        raise ValueError(f"nested deeper than {_DEPTH} levels")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [_cleaned(item, depth=depth + 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {clean_text(key): _cleaned(item, depth=depth + 1) for key, item in value.items()}
    raise ValueError(f"{_escape_unstorable(value)} is not JSON")


def _escape_unstorable(value: Any) -> str:
    if isinstance(value, dict):
        return "an object with keys that are not strings"
    return str(value) if isinstance(value, float) else f"a {type(value).__name__}"
