"""Runs that are hidden from the board, and shown again."""

from __future__ import annotations

from typing import Any

import pytest

from runs.commands import archive, unarchive
from runs.errors import MoveRefused
from runs.models import Run
from tests.factories import make_actor, make_run
from tests.runs.helpers import (
    kinds,
    status_of,
)
from tests.runs.transitions.plans import ONE

pytestmark = pytest.mark.django_db
OLIVIA = make_actor()
STEP_IN = {
    "queued": "pending",
    "running": "running",
    "waiting": "waiting",
    "success": "success",
    "error": "error",
    "cancelled": "cancelled",
}


def _run_in(status: str, **fields: Any) -> Run:
    return make_run(status=status, source=ONE, steps={"greet": STEP_IN[status]}, **fields)


@pytest.mark.parametrize("status", ["success", "error", "cancelled"])
def test_an_archived_run_can_be_brought_back_once(status: str) -> None:
    run = _run_in(status)
    archive(str(run.pk), actor=OLIVIA)
    unarchive(str(run.pk), actor=OLIVIA)

    with pytest.raises(MoveRefused):
        unarchive(str(run.pk), actor=OLIVIA)
    assert status_of(run) == status
    assert run.archived_at is None


def test_a_run_is_archived_once() -> None:
    run = _run_in("success")
    archive(str(run.pk), actor=OLIVIA)

    with pytest.raises(MoveRefused):
        archive(str(run.pk), actor=OLIVIA)
    assert kinds(run).count("run.archived") == 1
