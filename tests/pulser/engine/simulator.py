"""Stories of a run: a script decides what happens next, and the one driver carries it out in memory.

A script is a list of numbers; each chooses among what could happen next, so that Hypothesis can shrink a story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pulser.engine import moves
from pulser.engine.driver import claim_or_conclude, conclude_run, emit_outcome, start_steps
from pulser.engine.fold import LoggedEvent
from pulser.engine.graph import Graph
from pulser.engine.outcomes import Failed, Outcome, Success, Suspended, failure
from pulser.engine.retry import decide_retry
from pulser.engine.states import RUN_ENDED, RunStatus, StepStatus
from pulser.engine.store import MovedStep
from pulser.language.catalogue import ErrorClass
from tests.pulser.engine.memory import MemoryRun, StepRow

WORKERS = 3
WORKER = "worker-a"
ROUNDS_MAX = 2_000  # far more than twelve steps with three attempts can need
ASK = Suspended("approval", "reject", for_s=3600.0, role="operator", message="Go?")


@dataclass(slots=True)
class Simulation:
    """One run. `play` drives it to its end; `events` tell how it went, and `played` what happened to it."""

    graph: Graph
    params: Mapping[str, Any] = field(default_factory=lambda: {"wanted": True})
    run: MemoryRun = field(init=False)
    played: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = MemoryRun(self.graph, self.params)

    @property
    def status(self) -> str:
        return self.run.status

    @property
    def stop(self) -> str:
        return self.run.stop

    @property
    def rows(self) -> dict[str, StepRow]:
        return self.run.rows

    @property
    def events(self) -> list[LoggedEvent]:
        return self.run.events

    def play(self, script: Iterable[int] = ()) -> Simulation:
        """Let one thing after the other happen until the run has ended; after the script, always the first thing."""
        choices = iter(script)
        for _ in range(ROUNDS_MAX):
            if self.status in RUN_ENDED:
                return self
            options = self._options()
            name, key = options[next(choices, 0) % len(options)]
            self.let(name, key)
        raise AssertionError(f"no end after {ROUNDS_MAX} moves: {self.rows}")

    def let(self, name: str, key: str = "") -> Simulation:
        """Let this happen next."""
        self.played.append((name, key))
        self.run.begin()
        getattr(self, name)(*([key] if key else []))
        return self

    # What may happen next, by the name of the method that lets it happen.

    def _options(self) -> list[tuple[str, str]]:
        if self.status == RunStatus.QUEUED:
            return [("start", ""), *self._cancel_options()]
        found: list[tuple[str, str]] = []
        running = self.run.in_status(StepStatus.RUNNING)
        if self.status == RunStatus.RUNNING and len(running) < WORKERS and self.run.in_status(StepStatus.QUEUED):
            found.append(("claim", ""))
        for key in running:
            ends = ("succeed", "succeed_empty", "go_on", "fail", "refuse", "suspend", "lose", "hand_back")
            found += [(what, key) for what in ends]
        found += [("back", key) for key in self.run.in_status(StepStatus.BACKOFF)]
        for key in self.run.in_status(StepStatus.WAITING):
            found += [("approve", key), ("reject", key), ("expire", key)]
        return found + self._cancel_options()

    def _cancel_options(self) -> list[tuple[str, str]]:
        return [("cancel", "")] if self.run.cancel_count < 2 else []

    def start(self) -> None:
        """The lane has a slot, and a worker claims the first step, if there is one."""
        self.run.move_run("start", data={}, columns={})
        start_steps(self.run)
        self.run.has_started = True
        claim_or_conclude(self.run, partial(self.run.claim_step, WORKER))

    def claim(self) -> None:
        """A free worker takes the first queued step."""
        assert isinstance(self.run.claim_step(WORKER), MovedStep)

    def succeed(self, key: str) -> None:
        self._report(key, Success({"ok": True}))

    def succeed_empty(self, key: str) -> None:
        self._report(key, Success({"ok": False}))

    def go_on(self, key: str) -> None:
        """The worker claims the next step at once."""
        self._report(key, Success({"ok": True}), go_on=True)

    def fail(self, key: str) -> None:
        """The attempt failed; the policy decides about another one."""
        self._report(key, failed(self.graph, key, tries=self.rows[key].attempt - self.rows[key].budget_from))

    def refuse(self, key: str) -> None:
        """The attempt failed for good."""
        self._report(key, Failed(ErrorClass.PERMANENT, "no"))

    def suspend(self, key: str) -> None:
        self._report(key, ASK)

    def _report(self, key: str, outcome: Outcome, *, go_on: bool = False) -> None:
        """What `finish_attempt` does."""
        number, close = self.rows[key].attempt, partial(self.run.close_attempt, key)
        taken = moves.take_outcome(self.run, key, outcome=outcome, number=number, close=close)
        assert taken is not None, f"{key} is {self.rows[key].status}"
        emit_outcome(self.run, key, outcome=taken, number=number)
        moves.advance_from(self.run, {key: taken})
        if go_on:
            claim_or_conclude(self.run, partial(self.run.claim_step, WORKER))
        else:
            conclude_run(self.run)

    def lose(self, key: str) -> None:
        """The worker vanished."""
        row = self.rows[key]
        moves.record_lost(
            self.run, key, number=row.attempt, tries=row.attempt - row.budget_from, lost=row.lost, how="process"
        )

    def hand_back(self, key: str) -> None:
        """The worker is stopped."""
        row = self.rows[key]
        moves.hand_back(self.run, key, number=row.attempt, budget_from=row.budget_from)

    def back(self, key: str) -> None:
        """The pause is over."""
        assert moves.requeue(self.run, key, cause="retry")

    def approve(self, key: str) -> None:
        self.run.emit("approval.given", step=key, by="olivia", comment="")
        moves.approve(self.run, key, kind=self.rows[key].wait_kind, by="olivia")

    def reject(self, key: str) -> None:
        self.run.emit("approval.rejected", step=key, by="olivia", comment="")
        moves.reject(self.run, key, reason="rejected by olivia")

    def expire(self, key: str) -> None:
        """Nobody decided in time."""
        moves.expire(self.run, key, kind=self.rows[key].wait_kind, then=self.rows[key].on_timeout)

    def cancel(self) -> None:
        moves.end_early(self.run, stop="cancel", by="olivia")

    def retry(self, start: str | None = None) -> None:
        """The button: error | cancelled -> queued."""
        moves.retry(self.run, by="olivia", start=start)


def failed(graph: Graph, key: str, *, tries: int) -> Outcome:
    """An attempt that failed, with the decision of its policy about another one."""
    step = graph.nodes[key].step
    effect = MemoryRun(graph).effect_of(key)
    decision = decide_retry(
        graph.retry_of(key), ErrorClass.FAILED, tries=tries, effect=effect, explicit=step.retry is not None, chance=0.5
    )
    return failure(ErrorClass.FAILED, "no", delay=decision.delay if decision else None)
