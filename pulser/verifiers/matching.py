"""Regular expressions of plans on texts of others, with a bound on time.

A pattern whose worst case is small for this text is matched at once; any other in a child process that is killed when
the time is over. The bound is rough and errs towards the child.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pulser.language.limits import PATTERN_CHARS
from pulser.verifiers.regex_process import EXCERPT_CHARS, MatchError, match_in_child

TIME_LIMIT_S = 5.0
_STEPS_AT_ONCE = 10_000_000  # about a quarter of a second
# A repeated group, a reference back, or any extension beyond plain and named groups: worst cases that we do not reckon.
_HARD = re.compile(r"\)[*+{]|\\[1-9]|\(\?(?!:|P<)")
_UNBOUNDED = re.compile(r"[*+{]")
_CHOICE = re.compile(r"[?|]")


@dataclass(frozen=True, slots=True)
class RegexMatch:
    """Where the first match starts, in characters, and its first 500 characters."""

    offset: int
    text: str


def search(pattern: str, *, text: str, within_s: float | None = None) -> RegexMatch | None:
    """The first match. Raises MatchError for a pattern that is none, or that takes longer (5 s) on this text."""
    if worst_steps(pattern, length=len(text)) > _STEPS_AT_ONCE:
        answer = match_in_child(pattern, text, within_s=TIME_LIMIT_S if within_s is None else within_s)
        return RegexMatch(*answer) if answer else None
    try:
        found = re.search(pattern, text)
    except (re.error, RecursionError, OverflowError) as error:
        raise MatchError(f"not a regular expression: {error}") from error
    return RegexMatch(found.start(), found.group()[:EXCERPT_CHARS]) if found else None


def has_match(pattern: str, text: str, *, within_s: float) -> bool:
    """For schemas, which are looked at wherever a form is sent. Raises MatchError."""
    return search(pattern, text=text, within_s=within_s) is not None


def worst_steps(pattern: str, *, length: int) -> float:
    """An upper bound, in characters looked at, for a search in a text of that length; infinite when it is unclear.

    Each start may try each length of each repetition, and each way of each choice. Escaped signs count too.
    """
    if len(pattern) > PATTERN_CHARS or _HARD.search(pattern):
        return float("inf")
    repetitions, choices = len(_UNBOUNDED.findall(pattern)), len(_CHOICE.findall(pattern))
    if repetitions > 10 or choices > 30:
        return float("inf")
    return float(max(1, length) ** (1 + repetitions) * 2**choices)
