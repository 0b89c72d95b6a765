"""Which steps run before which."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulser.language.checks.order import Order
from pulser.language.document import Plan


def order(**needs: str) -> Order:
    """The order of steps, each with its needs as letters: `order(a="", b="a")`."""
    steps = [{"id": step, "uses": "x", "needs": tuple(letters)} for step, letters in needs.items()]
    return Order(Plan.model_validate({"pulser": 1, "slug": "x", "steps": steps}))


CIRCLES = [  # needs, circles, why
    ({"a": "", "b": "a", "c": "ab"}, [], "none"),
    ({"a": "a"}, [["a", "a"]], "a step that needs itself"),
    ({"a": "b", "b": "a"}, [["a", "b", "a"]], "each once, from its first step"),
    ({"a": "c", "b": "a", "c": "b", "d": "a"}, [["a", "c", "b", "a"]], "what only follows is no part of it"),
    ({"a": "b", "b": "a", "c": "d", "d": "c"}, [["a", "b", "a"], ["c", "d", "c"]], "two of them"),
    ({"a": "z"}, [], "an unknown need is another problem"),
]


@pytest.mark.parametrize(("needs", "circles", "why"), CIRCLES)
def test_circles_are_named_in_full(needs: dict[str, str], circles: list[list[str]], why: str) -> None:
    assert order(**needs).circles() == circles, why


def test_what_is_upstream_by_any_way_can_be_named() -> None:
    plan = order(a="", b="a", c="b", d="")

    assert plan.unreachable("c", "a") is None
    assert plan.unreachable("c", "d") == "`d` does not run before this step; add it to `needs`"
    assert plan.unreachable("a", "c") == "`c` does not run before this step; add it to `needs`"


def test_a_circle_gives_no_further_alarms() -> None:
    assert order(a="b", b="a", c="a").unreachable("c", "b") is None


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.text("abcdef", max_size=4)))
def test_a_plan_has_circles_exactly_when_some_step_could_never_begin(needs: dict[str, str]) -> None:
    plan = order(**needs or {"a": ""})
    done: set[str] = set()
    while ready := [step for step in needs if step not in done and not (set(needs[step]) & needs.keys()) - done]:
        done.update(ready)

    circles = plan.circles()

    assert bool(circles) == (done != needs.keys())
    for circle in circles:
        assert circle[0] == circle[-1]
        assert all(need in needs[step] for step, need in pairwise(circle))
