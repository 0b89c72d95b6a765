"""Functions that plans of the tests call."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from subprocess import run  # noqa: F401  imported, not defined here: a plan must not reach it by `module:*`
from typing import Any

from pulser.tools.base import ToolContext, TransientError
from pulser.tools.interruption import StopCheck
from pulser.tools.python import attentive, effect

NOT_A_FUNCTION = 3


def add(left: int, right: int = 1) -> int:
    print("adding", left, "and", right)
    print("carefully", file=sys.stderr)
    return left + right


@effect("pure")
def looked_up() -> str:
    return "found"


@effect("irreversible")
def launch() -> None:
    """Not to be called twice."""


@attentive
def walk(steps: int, context: ToolContext) -> str:
    """Tells how far it is, and stops when it is asked to."""
    watch = StopCheck(context)
    for step in range(steps):
        watch.check()
        context.progress(step + 1, steps)
    return context.run_id


def fail() -> None:
    raise KeyError("no such customer")


def busy() -> None:
    raise TransientError("come back later")


def leave() -> None:
    sys.exit("good bye")


def vanish() -> None:
    os._exit(3)


def anything() -> Any:
    return {1, 2}


def large() -> str:
    return "x" * 2_000_000


def sleep() -> None:
    subprocess.Popen(["sleep", "60"])
    time.sleep(60)


def environment() -> dict[str, str]:
    return dict(os.environ)


def process() -> int:
    return os.getpid()


def keep_stream() -> None:
    logging.getLogger("tests.kept").addHandler(logging.StreamHandler(sys.stderr))


def _hidden() -> str:
    return "hidden"
