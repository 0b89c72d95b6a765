"""What the driver needs of whatever keeps a run: PostgreSQL in `runs/transitions/locked_run.py`, memory in the tests.

A store holds one run and its steps for one writer. Columns are named as in the database; a value may be a time of
`pulser.engine.times`, which the store sets by its own clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from pulser.engine.advance import EndedStep, StepCounts
from pulser.engine.graph import Graph
from pulser.engine.outcomes import AttemptEnd
from pulser.engine.states import StepStatus
from pulser.language.catalogue import Effect


class MovedStep(NamedTuple):
    key: str
    attempt: int


class RunStore(Protocol):
    """One run that nobody else changes meanwhile."""

    @property
    def status(self) -> str: ...

    @property
    def environment(self) -> str: ...

    @property
    def stop(self) -> str:
        """Why the run is being ended early: `cancel`, `timeout`, or nothing."""

    @property
    def cancel_count(self) -> int:
        """How often its early end was asked for: the first time ends main steps, the second `finally` steps too."""

    @property
    def has_started(self) -> bool:
        """Whether it had been running before this writer came."""

    @property
    def is_archived(self) -> bool: ...

    @property
    def graph(self) -> Graph: ...

    @property
    def scope(self) -> Mapping[str, Any]:
        """What expressions see beside steps."""

    @property
    def has_claimable(self) -> bool:
        """Whether this writer has made a step claimable that nobody has claimed."""

    def effect_of(self, key: str) -> Effect:
        """What running this step twice does."""

    def read_facts(self, keys: Collection[str]) -> dict[str, EndedStep]:
        """How these steps stand, with their outputs."""

    def read_statuses(self) -> dict[str, StepStatus]:
        """The status of each step, by key."""

    def count_steps(self) -> StepCounts: ...

    def find_ready(self) -> list[str]:
        """Main steps that are pending and have no open need."""

    def find_idle(self) -> list[str]:
        """Steps in nobody's hands that the early end is about, in plan order."""

    def waits_until(self, key: str) -> str:
        """The deadline of a waiting step, as RFC 3339 text."""

    def meet_needs(self, met: Mapping[str, int]) -> list[str]:
        """Count so many needs of these pending steps as met; returns those that have none left open."""

    def release(self, keys: Iterable[str]) -> None:
        """pending -> queued, and say so."""

    def move_steps(
        self, name: str, keys: Iterable[str], *, columns: Mapping[str, Any], fence: int | None = None
    ) -> list[MovedStep]:
        """Make this move where a step's status, and its attempt if `fence` names one, allows it. Says nothing."""

    def reset_steps(self, open_needs: Mapping[str, int]) -> None:
        """ended -> pending, as if the steps had never run; the fence goes on counting."""

    def end_attempts(self, keys: Collection[str], end: AttemptEnd) -> Mapping[str, str]:
        """Close what is open of these steps; returns the worker of each."""

    def move_run(self, name: str, *, data: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        """Move the run and say so. Raises when its status does not allow it."""

    def change_run(self, **columns: Any) -> None: ...

    def emit(self, kind: str, /, *, step: str = "", attempt: int | None = None, **data: Any) -> None:
        """Say it in the run's log."""
