"""A child process that matches regular expressions, one question after the other.

Python's `re` backtracks and holds the interpreter's lock while it does: a pattern such as `(a+)+$` would stop the
worker's heartbeat, or all pages, for hours. A process can be killed. To start one takes about 30 ms, so one that has
answered is kept for the next question.
"""

from __future__ import annotations

import json
import math
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

KEPT = 2  # children that wait for a question
EXCERPT_CHARS = 500
_MEMORY_BYTES = 512 * 1024 * 1024
_PIECE = 64 * 1024

# Isolated, without site packages. It ends when nobody asks any more (its input ends), and by its alarm when it is alone
# with a question that takes too long.
_CHILD = f"""
import json, re, resource, signal, sys
_, hard = resource.getrlimit(resource.RLIMIT_AS)
limit = {_MEMORY_BYTES} if hard < 0 else min({_MEMORY_BYTES}, hard)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for line in sys.stdin:
    pattern, text, within_s = json.loads(line)
    signal.alarm(within_s)
    try:
        found = re.search(pattern, text)
        answer = {{"found": found and [found.start(), found.group()[:{EXCERPT_CHARS}]]}}
    except Exception as error:
        answer = {{"error": str(error)[:{EXCERPT_CHARS}] or type(error).__name__}}
    signal.alarm(0)
    print(json.dumps(answer), flush=True)
"""


class MatchError(ValueError):
    """The pattern cannot be matched."""


def match_in_child(pattern: str, text: str, *, within_s: float) -> tuple[int, str] | None:
    """Where the first match begins, and its first 500 characters. Raises MatchError."""
    child = _kept_child() or _Child()
    try:
        answer = child.answer(json.dumps([pattern, text, math.ceil(within_s) + 1]), within_s=within_s)
    except BaseException:
        child.end()
        raise
    if len(_idle) < KEPT:
        _idle.append(child)
    else:
        child.end()
    if "error" in answer:
        raise MatchError(f"not a regular expression: {answer['error']}")
    return (answer["found"][0], answer["found"][1]) if answer["found"] else None


def _kept_child() -> _Child | None:
    """One that waits, and is this process's own: a fork must not read its parent's answers."""
    with suppress(IndexError):
        while True:
            child = _idle.pop()
            if child.is_ours:
                return child
    return None


class _Child:
    def __init__(self) -> None:
        self._asker = os.getpid()
        try:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-S", "-c", _CHILD),
                env={"LANG": "C.UTF-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        except OSError as error:
            raise MatchError(f"cannot start the matching process: {error.strerror}") from error

    @property
    def is_ours(self) -> bool:
        return self._asker == os.getpid() and self._process.poll() is None

    def answer(self, question: str, *, within_s: float) -> Any:
        """Raises MatchError when none comes in time."""
        assert self._process.stdin is not None
        deadline = time.monotonic() + within_s
        try:
            rest = memoryview(question.encode() + b"\n")
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
            return json.loads(self._line(deadline))
        except TimeoutError:
            message = f"no result within {within_s:g} s; avoid nested repetitions"
            raise MatchError(message) from None
        except (OSError, ValueError) as error:
            raise MatchError("the matching process died") from error

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.kill()
        self._process.wait()

    def _line(self, deadline: float) -> bytes:
        """Raises TimeoutError."""
        assert self._process.stdout is not None
        output, line = self._process.stdout.fileno(), b""
        waiting = select.poll()
        waiting.register(output, select.POLLIN)
        while not line.endswith(b"\n"):
            if not waiting.poll(max(0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            piece = os.read(output, _PIECE)
            if not piece:
                raise OSError("its output has ended")
            line += piece
        return line


_idle: list[_Child] = []
