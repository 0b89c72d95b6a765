"""The shell's twin in memory: it keeps rows as `runs/transitions` does, asks the same engine, and obeys a script.

A script is a list of numbers; each chooses among what could happen next, so that Hypothesis can shrink a story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulser.engine.advance import Fact, Facts, Tally, advance, conclude, has_failed
from pulser.engine.commands import Command, Finish, Refuse, Release, Skip, Wait
from pulser.engine.fold import Entry
from pulser.engine.graph import Graph
from pulser.engine.retry import KEEPS_SLOT_S, Park, decide_handed_back, decide_lost, decide_retry, steps_to_retry
from pulser.engine.states import RUN_ENDED, RUN_MOVES, STEP_ENDED, STEP_MOVES, RunStatus, StepStatus
from pulser.language.catalogue import Effect, ErrorClass

WORKERS = 3
ROUNDS_MAX = 2_000  # far more than twelve steps with three attempts can need
ENDS = {RunStatus.SUCCESS: "succeed", RunStatus.ERROR: "fail", RunStatus.CANCELLED: "cancel"}


@dataclass(slots=True)
class Row:
    """A step as the database keeps it."""

    key: str
    is_finally: bool
    open_needs: int
    status: StepStatus = StepStatus.PENDING
    cause: str = ""
    outputs: Any = None
    attempt: int = 0
    budget_from: int = 0
    lost: int = 0
    delay: float = 0.0


@dataclass(slots=True)
class Simulation:
    """One run. `play` drives it to its end; `events` and `commands` tell how it went."""

    graph: Graph
    params: Mapping[str, Any] = field(default_factory=lambda: {"wanted": True})
    status: RunStatus = RunStatus.QUEUED
    has_started: bool = False
    stop: str = ""
    cancel_count: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    events: list[Entry] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def __post_init__(self) -> None:
        for key, node in self.graph.nodes.items():
            self.rows[key] = Row(key, node.is_finally, 0 if node.is_finally else len(node.step.needs))
        self._say("run.queued", steps=list(self.graph.nodes))

    def play(self, script: Iterable[int] = ()) -> Simulation:
        """Let one thing after the other happen until the run has ended; after the script, always the first thing."""
        choices = iter(script)
        for _ in range(ROUNDS_MAX):
            if self.status in RUN_ENDED:
                return self
            options = self._options()
            name, key = options[next(choices, 0) % len(options)]
            getattr(self, name)(*([key] if key else []))
        raise AssertionError(f"no end after {ROUNDS_MAX} moves: {self.rows}")

    def retry(self, start: str | None = None) -> None:
        """The button: error | cancelled -> queued."""
        again = steps_to_retry(self.graph, {key: row.status for key, row in self.rows.items()}, start=start)
        for key in again:
            row, node = self.rows[key], self.graph.nodes[key]
            row.status, row.cause, row.outputs, row.lost = StepStatus.PENDING, "", None, 0
            row.budget_from = row.attempt
            row.open_needs = 0 if node.is_finally else len(set(again).intersection(node.step.needs))
        self.stop, self.cancel_count = "", 0
        self._move_run("retry", steps=again)

    # What may happen next, by the name of the method that lets it happen.

    def _options(self) -> list[tuple[str, str]]:
        if self.status == RunStatus.QUEUED:
            return [("start", ""), *self._cancel_options()]
        found: list[tuple[str, str]] = []
        running = self._in(StepStatus.RUNNING)
        if self.status == RunStatus.RUNNING and len(running) < WORKERS and self._in(StepStatus.QUEUED):
            found.append(("claim", ""))
        for key in running:
            ends = ("succeed", "succeed_empty", "fail", "refuse", "suspend", "lose", "hand_back")
            found += [(what, key) for what in ends]
        found += [("back", key) for key in self._in(StepStatus.BACKOFF)]
        for key in self._in(StepStatus.WAITING):
            found += [("approve", key), ("reject", key)]
        return found + self._cancel_options()

    def _cancel_options(self) -> list[tuple[str, str]]:
        return [("cancel", "")] if self.cancel_count < 2 else []

    def start(self) -> None:
        """The lane has a slot."""
        self._move_run("start")
        if self.has_started:
            ready = [row.key for row in self.rows.values() if self._is_ready(row)]
        else:
            ready = list(self.graph.roots)
        self.has_started = True
        if ready:
            self._settle(self._carry_out(advance(self.graph, self._facts(), ready=ready)))
        self._close()

    def claim(self) -> None:
        """A free worker takes the first queued step."""
        row = self.rows[self._in(StepStatus.QUEUED)[0]]
        row.attempt += 1
        self._move(row.key, "claim")

    def succeed(self, key: str) -> None:
        self._succeed(key, "succeed", {"ok": True})

    def succeed_empty(self, key: str) -> None:
        self._succeed(key, "succeed", {"ok": False})

    def fail(self, key: str) -> None:
        """The attempt failed; the policy decides about another one."""
        row, step = self.rows[key], self.graph.nodes[key].step
        decision = decide_retry(
            self.graph.retry_of(key),
            ErrorClass.FAILED,
            tries=row.attempt - row.budget_from,
            effect=step.effect or Effect.IDEMPOTENT,
            explicit=step.retry is not None,
            chance=0.5,
        )
        if decision is None or self._is_stopped(row):
            self._fail(key, "fail")
        else:
            row.delay = decision.delay
            self._move(key, "back_off")
            self._close()

    def refuse(self, key: str) -> None:
        """The attempt failed for good."""
        self._fail(key, "fail")

    def suspend(self, key: str) -> None:
        if self._is_stopped(self.rows[key]):
            self._stop(key)
        else:
            self._move(key, "suspend")
            self._close()

    def lose(self, key: str) -> None:
        """The worker vanished."""
        row, step = self.rows[key], self.graph.nodes[key].step
        row.lost += 1
        tries = row.attempt - row.budget_from
        self._move(key, "lose")
        decision = decide_lost(
            self.graph.retry_of(key), tries=tries, lost=row.lost, effect=step.effect or Effect.IDEMPOTENT
        )
        if self._is_stopped(row):
            self._stop(key)
        elif isinstance(decision, Park):
            row.cause = "lost"
            self._move(key, "park", reason=decision.reason)
            self._close()
        elif decision is None:
            self._fail(key, "refuse")

    def hand_back(self, key: str) -> None:
        """The worker is stopped."""
        row, step = self.rows[key], self.graph.nodes[key].step
        row.budget_from += 1
        self._move(key, "hand_back")
        decision = decide_handed_back(step.effect or Effect.IDEMPOTENT)
        if self._is_stopped(row):
            self._stop(key)
        elif isinstance(decision, Park):
            row.cause = "lost"
            self._move(key, "park", reason=decision.reason)
            self._close()

    def back(self, key: str) -> None:
        """The pause is over."""
        self._requeue(key)

    def approve(self, key: str) -> None:
        if self.rows[key].cause == "lost":
            self.rows[key].lost, self.rows[key].cause = 0, ""
            self._requeue(key)
        else:
            self._succeed(key, "settle", {"ok": True})

    def reject(self, key: str) -> None:
        self._fail(key, "refuse")

    def cancel(self) -> None:
        self.stop = "cancel"
        self.cancel_count = 2 if self.cancel_count or not self.has_started else 1
        self._say("run.cancel_requested")
        idle = {StepStatus.PENDING, StepStatus.QUEUED, StepStatus.BACKOFF, StepStatus.WAITING}
        for row in self.rows.values():
            if row.status in idle and self._is_stopped(row):
                self._move(row.key, "cancel")
        self._go_on()

    # How it is carried out: the counterparts of `advancing.py`.

    def _settle(self, ended: dict[str, Fact]) -> None:
        while ended:
            ready = []
            for key in ended:
                for dependent in self.graph.nodes[key].dependents:
                    row = self.rows[dependent]
                    if row.status == StepStatus.PENDING:
                        row.open_needs -= 1
                        ready += [dependent] if row.open_needs == 0 else []
            ended = self._carry_out(advance(self.graph, self._facts(), ready=ready))

    def _close(self) -> None:
        while True:
            tally = self._tally()
            failed = has_failed(self.graph, tally.failed, stop=self.stop)
            command = conclude(self.graph, tally, facts=self._facts(failed=failed))
            if command is not None:
                self.commands.append(command)
            if not isinstance(command, Skip | Refuse):
                break
            self._carry_out([command])
        if isinstance(command, Release):
            self._carry_out([command])
            self._resume()
        elif isinstance(command, Wait) and self.status == RunStatus.RUNNING:
            self._move_run("wait")
        elif isinstance(command, Finish):
            self._move_run(ENDS[command.status], reason=command.reason)

    def _carry_out(self, commands: list[Command]) -> dict[str, Fact]:
        self.commands += commands
        ended: dict[str, Fact] = {}
        for command in commands:
            if isinstance(command, Release):
                self._move(command.key, "release")
            elif isinstance(command, Skip):
                self.rows[command.key].cause = command.cause
                self._move(command.key, "skip", cause=command.cause, reason=command.reason)
                ended[command.key] = Fact(StepStatus.SKIPPED, command.cause)
            elif isinstance(command, Refuse):
                self._move(command.key, "refuse", reason=command.reason)
                ended[command.key] = Fact(StepStatus.ERROR)
        return ended

    def _succeed(self, key: str, move: str, outputs: dict[str, Any]) -> None:
        self.rows[key].outputs = outputs
        self._move(key, move, outputs=outputs)
        self._settle({key: Fact(StepStatus.SUCCESS, "", outputs)})
        self._go_on()

    def _fail(self, key: str, move: str) -> None:
        self._move(key, move)
        self._settle({key: Fact(StepStatus.ERROR)})
        self._go_on()

    def _stop(self, key: str) -> None:
        self._move(key, "cancel")
        self._settle({key: Fact(StepStatus.CANCELLED)})
        self._go_on()

    def _requeue(self, key: str) -> None:
        self._move(key, "requeue")
        self._go_on()

    def _go_on(self) -> None:
        if self._in(StepStatus.QUEUED):
            self._resume()
        elif self.status not in RUN_ENDED:
            self._close()

    def _resume(self) -> None:
        if self.status == RunStatus.WAITING:
            self._move_run("resume")

    # What is known, and how it is told.

    def _facts(self, *, failed: bool = False) -> Facts:
        known = {key: Fact(row.status, row.cause, row.outputs) for key, row in self.rows.items()}
        ended = {key: each for key, each in known.items() if each.status in STEP_ENDED}
        return Facts({"params": self.params}, ended, "dev", failed)

    def _tally(self) -> Tally:
        rows = self.rows.values()
        short = [row for row in rows if row.status == StepStatus.BACKOFF and row.delay <= KEEPS_SLOT_S]
        pending = [row for row in rows if row.status == StepStatus.PENDING]
        resting = len(self._in(StepStatus.WAITING)) + len(self._in(StepStatus.BACKOFF)) - len(short)
        return Tally(
            busy=len(self._in(StepStatus.QUEUED)) + len(self._in(StepStatus.RUNNING)) + len(short),
            paused=resting,
            pending=sum(not row.is_finally for row in pending),
            next_final=next((row.key for row in pending if row.is_finally), None),
            failed=tuple(self._in(StepStatus.ERROR)),
            stop=self.stop,
        )

    def _in(self, status: StepStatus) -> list[str]:
        return [key for key, row in self.rows.items() if row.status == status]

    def _is_ready(self, row: Row) -> bool:
        return row.status == StepStatus.PENDING and row.open_needs == 0 and not row.is_finally

    def _is_stopped(self, row: Row) -> bool:
        """Whether the request for an early end is about this step."""
        return self.cancel_count > row.is_finally

    def _move(self, key: str, name: str, **data: Any) -> None:
        row, move = self.rows[key], STEP_MOVES[name]
        assert row.status in move.sources, f"{name} of {key}, which is {row.status}"
        row.status = StepStatus(move.target)
        self._say(move.event, step=key, attempt=row.attempt or None, **data)

    def _move_run(self, name: str, **data: Any) -> None:
        move = RUN_MOVES[name]
        assert self.status in move.sources, f"{name} of a run that is {self.status}"
        self.status = RunStatus(move.target)
        self._say(move.event, **data)

    def _say(self, kind: str, *, step: str = "", attempt: int | None = None, **data: Any) -> None:
        self.events.append(Entry(len(self.events) + 1, kind, step, attempt, data))
