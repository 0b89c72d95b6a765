"""The plans of the load, as documents made from a seed. A step's id says what it is: `ask`, `send`, `long`, ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

Document = dict[str, Any]

ASK, SEND, SEALED = "ask", "send", "sealed"
QUICK = {"max_attempts": 6, "initial": "300ms", "factor": 2, "max": "3s"}

SAY = 'say() { printf "%s\\t%s\\t%s\\t%s\\n" "$PULSER_IDEMPOTENCY_KEY" "$1" $$ "$(date +%s.%3N)" >>"$LEDGER"; }\n'
WORK = SAY + 'say begin\nhead -c 20000 /dev/zero >"blob-$$"\nsleep "$SECONDS_"\nrm -f "blob-$$"\nsay end'
# Fails as often as it is told to, and counts its tries in the run's own folder.
FLAKY = SAY + 'say begin\necho x >>tries-flaky\n[ "$(wc -l <tries-flaky)" -gt "$FAILURES" ] || exit 3\nsay end'
FAIL = SAY + "say begin\nexit 3"


class Author:
    """Writes the plans. `long_s`: what a long step lasts, in seconds; the ledger's path goes into each step."""

    def __init__(self, *, seed: int, ledger: Path, long_s: float) -> None:
        self._random = Random(f"plans {seed}")
        self._ledger = str(ledger)
        self._long_s = long_s

    def write(self) -> list[Document]:
        """All plans. Each kind comes at least once; lengths, widths and durations differ with the seed."""
        writers = (
            (self.chain, 3),
            (self.fan, 3),
            (self.flaky, 2),
            (self.doomed, 2),
            (self.approval, 2),
            (self.long, 2),
            (self.irreversible, 3),
            (self.pause, 1),
            (self.sealed, 1),
        )
        return [
            _plan(f"{writer.__name__}-{number}", writer(), self._finals())
            for writer, count in writers
            for number in range(count)
        ]

    def chain(self) -> list[Document]:
        return _in_a_row([self._work(f"link{n}") for n in range(self._random.randint(4, 8))])

    def fan(self) -> list[Document]:
        first = self._work("first")
        wings = [self._work(f"wing{n}", needs=["first"]) for n in range(self._random.randint(4, 8))]
        return [first, *wings, self._work("join", needs=[wing["id"] for wing in wings])]

    def flaky(self) -> list[Document]:
        failures = self._random.randint(1, 3)
        retry = {"max_attempts": 5, "initial": "200ms", "max": "2s"}
        flaky = self._shell("flaky", FLAKY, retry=retry)
        flaky["with"]["env"]["FAILURES"] = str(failures)
        return _in_a_row([self._work("before"), flaky, self._work("after")])

    def doomed(self) -> list[Document]:
        """A step that always fails: tolerated by one, and the end of what comes after the other."""
        retry = {"max_attempts": self._random.randint(2, 3), "initial": "200ms"}
        tolerated = self._shell("tolerated", FAIL, retry=retry) | {"continue_on_error": True}
        doomed = self._shell("doomed", FAIL, retry=retry) | {"needs": ["tolerated"]}
        return [tolerated, doomed, self._work("unreached", needs=["doomed"]), self._work("aside")]

    def approval(self) -> list[Document]:
        ask = {"id": ASK, "uses": "approval", "with": {"message": "Shall it go on?", "timeout": "1h"}}
        return _in_a_row([self._work("before"), ask, self._work("after")])

    def sealed(self) -> list[Document]:
        """Nobody decides here: at the end it still waits, and must say for whom, until when, and why."""
        sealed = {"id": SEALED, "uses": "approval", "with": {"message": "Nobody will answer.", "timeout": "24h"}}
        return _in_a_row([self._work("before"), sealed])

    def long(self) -> list[Document]:
        """Longer than a lease: it lives by its heartbeat."""
        return _in_a_row([self._work("long", seconds=self._long_s), self._work("after")])

    def irreversible(self) -> list[Document]:
        send = self._python(SEND, "send") if self._random.random() < 0.5 else self._shell(SEND, SAY + "say begin")
        return _in_a_row([self._work("before"), send | {"effect": "irreversible"}, self._work("after")])

    def pause(self) -> list[Document]:
        pause = {"id": "pause", "uses": "wait", "with": {"duration": f"{self._random.randint(1, 4)}s"}}
        return _in_a_row([self._work("before"), pause, self._work("after")])

    def _work(self, name: str, *, needs: Sequence[str] = (), seconds: float | None = None) -> Document:
        """A step that lasts: a script, or a function inside the worker's own process."""
        seconds = round(self._random.uniform(0.05, 0.9), 2) if seconds is None else seconds
        if self._random.random() < 0.4:
            step = self._python(name, "work", seconds=seconds)
        else:
            step = self._shell(name, WORK, seconds=seconds)
        return step | ({"needs": list(needs)} if needs else {})

    def _shell(
        self, name: str, script: str, *, seconds: float = 0.0, retry: Mapping[str, Any] | None = None
    ) -> Document:
        environment = {"LEDGER": self._ledger, "SECONDS_": str(seconds)}
        step: Document = {"id": name, "uses": "shell", "with": {"run": script, "env": environment}}
        return step | ({"retry": dict(retry)} if retry else {})

    def _python(self, name: str, function: str, **arguments: Any) -> Document:
        arguments |= {"ledger": self._ledger, "key": "{{ run.id }}/" + name}
        return {"id": name, "uses": "python", "with": {"function": f"chaos.tools:{function}", "args": arguments}}

    def _finals(self) -> list[Document]:
        return [self._work("tidy", seconds=0.05)] if self._random.random() < 0.6 else []


def _in_a_row(steps: list[Document]) -> list[Document]:
    for before, step in pairwise(steps):
        step["needs"] = [before["id"]]
    return steps


def _plan(slug: str, steps: list[Document], finals: list[Document]) -> Document:
    plan: Document = {"pulser": 1, "slug": slug, "title": slug, "retry": QUICK, "steps": steps}
    return plan | ({"finally": finals} if finals else {})
