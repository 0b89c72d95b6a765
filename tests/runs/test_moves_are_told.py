"""Every event that a move tells is declared, and what is declared is told by somebody."""

from __future__ import annotations

import pytest

from pulser.engine.states import RUN_MOVES, STEP_MOVES
from runs.events import KINDS, entry


@pytest.mark.parametrize("kind", sorted({move.event for move in (*RUN_MOVES.values(), *STEP_MOVES.values())}))
def test_the_event_of_a_move_is_declared(kind: str) -> None:
    meaning, fields = KINDS[kind]

    assert meaning.endswith(".")
    assert all(fields.values())


def test_an_event_that_is_not_declared_cannot_be_told() -> None:
    with pytest.raises(KeyError):
        entry("run.exploded")


def test_a_field_that_is_not_declared_cannot_be_told() -> None:
    with pytest.raises(KeyError, match="colour"):
        entry("run.queued", colour="red")
