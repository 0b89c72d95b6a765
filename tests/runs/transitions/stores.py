"""The two stores of a run side by side: whatever holds of one holds of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

from pulser.catalogue import compiled_plan
from pulser.engine.store import RunStore
from runs.errors import MoveRefused
from runs.models import Event, Run
from runs.transitions.claim import Claim, claim_step
from runs.transitions.locked_run import lock_run
from tests.factories import start
from tests.pulser.engine import memory
from tests.pulser.engine.memory import MemoryRun
from tests.runs.helpers import ALICE


class Handle(NamedTuple):
    """A running run of which nothing is claimed. `open` gives its store to one writer at a time."""

    open: Callable[[], AbstractContextManager[RunStore]]
    claim: Callable[[RunStore], Any]
    """Claims a step; true when there was one."""
    events: Callable[[], list[tuple[str, str]]]
    """Kind and step of what was said."""
    refused: type[Exception]


def in_memory(source: str) -> Handle:
    run = MemoryRun(compiled_plan(start(source).plan_version_id), status="running", has_started=True)

    @contextmanager
    def opened() -> Iterator[RunStore]:
        run.begin()
        yield run

    def claim(store: RunStore) -> bool:
        return isinstance(run.claim_step(ALICE.name), memory.MovedStep)

    return Handle(opened, claim, lambda: [(one.kind, one.step) for one in run.events], memory.MoveRefused)


def in_postgres(source: str) -> Handle:
    run = start(source)
    Run.objects.filter(pk=run.pk).update(status="running", started_at=run.created_at)

    def events() -> list[tuple[str, str]]:
        return list(Event.objects.filter(run=run).in_order().values_list("kind", "step"))

    def claim(store: Any) -> bool:
        return isinstance(claim_step(store, ALICE), Claim)

    return Handle(partial(lock_run, str(run.pk)), claim, events, MoveRefused)
