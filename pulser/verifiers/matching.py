"""Regular expressions of plans on output of programs, with a bound on time.

Python's `re` backtracks and holds the interpreter's lock while it does: a pattern such as `(a+)+$` would stop the
worker's heartbeat for hours. A pattern whose worst case is small for this text is matched at once; any other in a child
process (about 30 ms) that is killed after 5 s. The bound is rough and errs towards the child.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pulser.tools.base import TimedOut, ToolContext, ToolError
from pulser.tools.process import Command, run

TIME_LIMIT_S = 5.0
EXCERPT_CHARS = 500
_STEPS_AT_ONCE = 10_000_000  # about a quarter of a second
_SHORT_CHARS = 16  # a text so short is done with soon, even by a pattern that explodes
_MEMORY_BYTES = 512 * 1024 * 1024
# A repeated group, a reference back, or any extension beyond plain and named groups: worst cases that we do not reckon.
_HARD = re.compile(r"\)[*+{]|\\[1-9]|\(\?(?!:|P<)")
_UNBOUNDED = re.compile(r"[*+{]")
_CHOICE = re.compile(r"[?|]")

# The child: isolated, without site packages, with `re` only.
_CHILD = f"""
import json, re, sys
asked = json.load(sys.stdin)
found = re.search(asked["pattern"], asked["text"])
json.dump(found and [found.start(), found.group()[:{EXCERPT_CHARS}]], sys.stdout)
"""


class MatchError(Exception):
    """The pattern cannot be matched."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where the first match starts, in characters, and its first 500 characters."""

    offset: int
    text: str


def search(pattern: str, *, text: str, workdir: Path) -> Match | None:
    """The first match. Raises MatchError for a pattern that is none, or that takes longer than 5 s on this text."""
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise MatchError(f"not a regular expression: {error}") from error
    if worst_steps(pattern, length=len(text)) > _STEPS_AT_ONCE:
        return _search_in_child(pattern, text=text, workdir=workdir)
    found = compiled.search(text)
    return Match(found.start(), found.group()[:EXCERPT_CHARS]) if found else None


@lru_cache(maxsize=10_000)
def has_match(pattern: str, text: str) -> bool:
    """For schemas, which are looked at wherever a form is sent. Raises ValueError when it takes longer than 5 s."""
    if len(text) <= _SHORT_CHARS:
        return re.search(pattern, text) is not None
    try:
        return search(pattern, text=text, workdir=Path(tempfile.gettempdir())) is not None
    except MatchError as error:
        raise ValueError(str(error)) from error


def worst_steps(pattern: str, *, length: int) -> float:
    """An upper bound, in characters looked at, for a search in a text of that length; infinite when it is unclear.

    Each start may try each length of each repetition, and each way of each choice. Escaped signs count too.
    """
    if _HARD.search(pattern):
        return float("inf")
    repetitions, choices = len(_UNBOUNDED.findall(pattern)), len(_CHOICE.findall(pattern))
    if repetitions > 10 or choices > 30:
        return float("inf")
    return float(max(1, length) ** (1 + repetitions) * 2**choices)


def _search_in_child(pattern: str, *, text: str, workdir: Path) -> Match | None:
    command = Command(
        argv=(sys.executable, "-I", "-S", "-c", _CHILD),
        cwd=workdir,
        env={"LANG": "C.UTF-8"},
        stdin=json.dumps({"pattern": pattern, "text": text}).encode(),
        memory_bytes=_MEMORY_BYTES,
    )
    try:
        ended = run(command, context=ToolContext(workdir=workdir, timeout_s=TIME_LIMIT_S, idempotency_key=""))
    except TimedOut as error:
        raise MatchError(f"no answer within {TIME_LIMIT_S:g} s; write it without repetitions in repetitions") from error
    except ToolError as error:
        raise MatchError(error.message) from error
    if ended.exit_code != 0:
        raise MatchError(f"the match failed: {ended.stderr.strip().splitlines()[-1:]}")
    found = json.loads(ended.stdout)
    return Match(offset=found[0], text=found[1]) if found else None
