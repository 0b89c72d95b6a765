"""Each move of a run, tried from every status: it is made where the table says so, else nothing at all changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from pulser.engine.states import RunStatus
from runs.accounts.actors import Actor
from runs.commands import archive, cancel, retry, unarchive
from runs.errors import Forbidden, MoveRefused, NotFound
from runs.models import Event, Run, Step
from tests.factories import make_actor, make_run
from tests.runs.helpers import (
    status_of,
)
from tests.runs.transitions.plans import ONE

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
Verb = Callable[..., None]

STEP_IN = {
    "queued": "pending",
    "running": "running",
    "waiting": "waiting",
    "success": "success",
    "error": "error",
    "cancelled": "cancelled",
}
AFTER: dict[Verb, dict[str, str]] = {  # verb -> status -> what it leads to; every other status refuses
    cancel: {"queued": "cancelled", "running": "running", "waiting": "cancelled"},
    retry: {"error": "queued", "cancelled": "queued"},
    archive: {"success": "success", "error": "error", "cancelled": "cancelled"},
    unarchive: {},
}
CASES = [(verb, status) for verb in AFTER for status in RunStatus]


def _run_in(status: str, **fields: Any) -> Run:
    return make_run(status=status, source=ONE, steps={"greet": STEP_IN[status]}, **fields)


def _everything(run: Run) -> tuple[Any, ...]:
    return (
        Run.objects.filter(pk=run.pk).values().get(),
        list(Step.objects.filter(run=run).values()),
        list(Event.objects.filter(run=run).values()),
    )


@pytest.mark.parametrize(("verb", "status"), [case for case in CASES if case[1] in AFTER[case[0]]])
def test_a_move_is_made_where_the_status_allows_it(verb: Verb, status: str) -> None:
    run = _run_in(status)

    verb(str(run.pk), actor=OLIVIA)

    assert status_of(run) == AFTER[verb][status]
    assert Event.objects.filter(run=run, seq__gt=1).exists()


@pytest.mark.parametrize(("verb", "status"), [case for case in CASES if case[1] not in AFTER[case[0]]])
def test_a_move_is_refused_in_every_other_status_and_changes_nothing(verb: Verb, status: str) -> None:
    run = _run_in(status)
    before = _everything(run)

    with pytest.raises(MoveRefused):
        verb(str(run.pk), actor=OLIVIA)

    assert _everything(run) == before


@pytest.mark.parametrize("verb", AFTER)
@pytest.mark.parametrize("actor", [make_actor("viewer"), make_actor("")])
def test_who_may_not_act_changes_nothing(verb: Verb, actor: Actor) -> None:
    run = _run_in("error")
    before = _everything(run)

    with pytest.raises(Forbidden):
        verb(str(run.pk), actor=actor)

    assert _everything(run) == before


@pytest.mark.parametrize("verb", AFTER)
def test_a_run_that_is_not_there_is_not_there(verb: Verb) -> None:
    with pytest.raises(NotFound):
        verb(str(uuid4()), actor=OLIVIA)
