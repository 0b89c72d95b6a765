"""Regular expressions of a plan's author against what somebody else wrote: all of them are asked here, and bounded.

Python's `re` may look at a short text for hours. To end that takes a process, which is not for here: see
`set_pattern_matcher`. Here the time is bounded that all patterns of one check, or of one page, take together.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from pulser.language.limits import PATTERN_CHARS, PATTERN_S, PATTERNS_S

NO_TIME_LEFT = f"the regular expressions before it have taken more than {PATTERNS_S:g} s"


class PatternMatcher(Protocol):
    """Whether the text has a match. Raises ValueError where that cannot be told, in so many seconds for example."""

    def __call__(self, pattern: str, text: str, *, within_s: float) -> bool: ...


def _plain_find(pattern: str, text: str, *, within_s: float) -> bool:
    return re.search(pattern, text) is not None


_finder: list[PatternMatcher] = [_plain_find]  # the one that is asked


def set_pattern_matcher(finder: PatternMatcher) -> None:
    """From now on this is asked."""
    _finder[:] = [finder]


@dataclass(slots=True)
class _TimeBudget:
    left_s: float = field(default_factory=lambda: PATTERNS_S)


_patience: ContextVar[_TimeBudget | None] = ContextVar("patience", default=None)


@contextmanager
def time_budget() -> Iterator[None]:
    """All patterns that are asked within it take four seconds together. Inside another one it changes nothing."""
    if _patience.get() is not None:
        yield
        return
    token = _patience.set(_TimeBudget())
    try:
        yield
    finally:
        _patience.reset(token)


def has_match(pattern: str, text: str) -> bool:
    """Raises ValueError, with the reason, where it cannot be told in time."""
    with _spending() as within_s:
        return _finder[0](pattern, text, within_s=within_s)


@contextmanager
def _spending() -> Iterator[float]:
    """Of the time that is left: how much one question may take. Raises ValueError when none is."""
    patience = _patience.get() or _TimeBudget()
    if patience.left_s <= 0:
        raise ValueError(NO_TIME_LEFT)
    began = time.monotonic()
    try:
        yield min(PATTERN_S, patience.left_s)
    finally:
        patience.left_s -= time.monotonic() - began


def check_pattern(pattern: str) -> None:
    """Raises ValueError for what is no regular expression, or too long a one: to read it takes time too."""
    if len(pattern) > PATTERN_CHARS:
        raise ValueError(f"it has {len(pattern):,} characters; the limit is {PATTERN_CHARS:,}")
    with _spending():
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(str(error)) from error


def is_other_key(key: str, schema: Mapping[str, Any]) -> bool:
    """Whether `additionalProperties` is about it: neither `properties` nor `patternProperties` are.

    Where a pattern cannot be told, `patternProperties` has said so already.
    """
    if key in schema.get("properties", ()):
        return False
    try:
        return not any(has_match(pattern, key) for pattern in schema.get("patternProperties", ()))
    except ValueError:
        return False


def check_unevaluated_properties(value: Any, schema: Any) -> None:
    """Raises ValueError when `unevaluatedProperties` would ask a pattern that cannot be told in time.

    jsonschema asks for that keyword by itself, without a bound; so each key is put to each pattern here before.
    """
    parts = list(_parts_of(schema))
    if not any("unevaluatedProperties" in part for part in parts):
        return
    patterns = {pattern for part in parts for pattern in _keys(part.get("patternProperties"))}
    keys = {key for part in _parts_of(value) for key in part} if patterns else set()
    for pattern in patterns:
        for key in keys:
            has_match(pattern, key)


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, Mapping) else []


def _parts_of(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in it, itself included."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, Mapping):
            yield part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
