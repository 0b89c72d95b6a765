"""Which steps a value speaks of, and which conditions are asked even after a failure."""

from __future__ import annotations

from typing import Any

import pytest

from pulser.language import is_unconditional, references

NAMED = [
    ("{{ steps.a.outputs.x }}", {"a"}),
    ("{{ steps['b-c'].status }}", {"b-c"}),
    ("{{ steps.sign-off.outputs.by }}", {"sign-off"}),
    ("{{ 'steps.no.outputs' }} steps.no.outputs", set()),
    (["{{ steps.a }}", {"k": "x {{ steps.b.outputs.n + 1 if steps.c.status else params.steps.d }}"}], {"a", "b", "c"}),
    ({"{{ steps.key }}": 1}, set()),
    ("{{ broken", set()),
    (5, set()),
]


@pytest.mark.parametrize(("value", "steps"), NAMED)
def test_the_steps_that_templates_name_are_found(value: Any, steps: set[str]) -> None:
    assert references(value) == steps


UNCONDITIONAL = [
    ("always()", True),
    ("{{ failed() }}", True),
    ("not (params.x or failed())", True),
    ("success()", False),
    ("params.x == 'always()'", False),
    (True, False),
    ("{{ broken", False),
]


@pytest.mark.parametrize(("condition", "answer"), UNCONDITIONAL)
def test_always_and_failed_make_a_step_be_judged_after_a_failure(condition: str | bool, answer: bool) -> None:
    assert is_unconditional(condition) is answer
