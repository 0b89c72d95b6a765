"""The nearest right name for a wrong one, and how values and kinds are named in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_SHOWN_CHARS = 60
_SPOKEN = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
}


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that looks most like the name, or None when none does."""
    lowered = {choice.lower(): choice for choice in sorted(choices)}
    found = get_close_matches(name.lower()[:_SHOWN_CHARS], lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """`; did you mean `http`?`, or nothing when no choice comes near."""
    found = nearest(name, choices)
    return f"; did you mean `{found}`?" if found else ""


def one_of(choices: Iterable[Any], *, most: int = 12) -> str:
    """`a, b or c`, cut when there are too many."""
    shown = [choice if isinstance(choice, str) else format_value(choice) for choice in choices]
    if len(shown) > most:
        return ", ".join(shown[:most]) + ", ..."
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else "nothing"


def format_value(value: object) -> str:
    """A value in a sentence, as JSON and cut."""
    text = json.dumps(value, ensure_ascii=False, default=str) if _is_shallow(value) else kind_phrase(kind_of(value))
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."


def _is_shallow(value: object) -> bool:
    return not isinstance(value, dict | list) or (len(value) < 5 and not any(isinstance(v, dict | list) for v in value))


def kind_of(value: object) -> str:
    """The JSON type of a value; a whole number is `integer`, any other `number`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds = ((str, "string"), (int, "integer"), (float, "number"), (list | tuple, "array"))
    return next((kind for python, kind in kinds if isinstance(value, python)), "object")


def kind_phrase(kind: str) -> str:
    return _SPOKEN.get(kind, kind)


def kinds_phrase(kinds: Iterable[str]) -> str:
    """`a string or a list`; a number that may be whole is just a number."""
    found = set(kinds)
    if "number" in found:
        found.discard("integer")
    return one_of(words for kind, words in _SPOKEN.items() if kind in found)


def wrong_kind(kinds: set[str] | frozenset[str], value: Any) -> str:
    """`expected a string, got 8080; write "8080"`."""
    return f"expected {kinds_phrase(kinds)}, got {format_value(value)}{_rewritten(kinds, value)}"


def _rewritten(kinds: set[str] | frozenset[str], value: Any) -> str:
    if "string" in kinds and isinstance(value, bool | int | float):
        return f'; write "{format_value(value)}"'
    if "array" in kinds and isinstance(value, str):
        return f"; write [{value[:60]}]"
    if "integer" in kinds and isinstance(value, str) and value.isdecimal():
        return f"; write {value[:60]} without quotes"
    if "boolean" in kinds and isinstance(value, str):
        word = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
        return f"; write {word[value.lower()]}" if value.lower() in word else ""
    return ""
