"""A plan, compiled."""

from __future__ import annotations

from pulser.language.document import Retry
from pulser.language.limits import STEP_TIMEOUT_S
from tests.pulser.engine.plans import graph, step

DIAMOND = graph(
    step("left", "top"), step("top"), step("right", "top"), step("bottom", "left", "right"), finals=(step("tidy"),)
)


def test_roots_are_the_steps_that_need_nothing() -> None:
    assert DIAMOND.roots == ("top",)


def test_order_is_that_of_the_plan_and_finally_comes_last() -> None:
    assert DIAMOND.in_order({"tidy", "bottom", "top", "left"}) == ["left", "top", "bottom", "tidy"]


def test_descendants_are_all_that_comes_after() -> None:
    assert DIAMOND.descendants(["top"]) == {"left", "right", "bottom"}
    assert DIAMOND.descendants(["bottom"]) == set()


def test_a_step_is_its_own_descendant_only_when_it_follows_another_of_the_set() -> None:
    assert DIAMOND.descendants(["left", "bottom"]) == {"bottom"}


def test_a_node_knows_the_steps_that_its_arguments_verifiers_and_artifacts_read() -> None:
    found = graph(
        step("a"),
        step("b"),
        step("c"),
        step(
            "d",
            with_={"run": ["echo", "{{ steps.a.outputs.x }}"]},
            verify=[{"regex": {"pattern": "{{ steps.b.outputs.y }}"}}],
            artifacts=[{"path": "{{ steps.c.outputs.z }}"}],
        ),
    ).nodes["d"]

    assert found.reads == {"a", "b", "c"}
    assert found.asks == frozenset()


def test_an_if_asks_with_and_without_braces() -> None:
    compiled = graph(
        step("a"),
        step("plain", "a", if_="steps.a.outputs.ok"),
        step("braced", "a", if_="{{ steps.a.outputs.ok }}"),
    )

    assert compiled.nodes["plain"].asks == compiled.nodes["braced"].asks == {"a"}


def test_only_always_and_failed_make_a_step_unconditional() -> None:
    conditions = {"always()": True, "failed()": True, "not failed()": True, "success()": False, "true": False}
    for condition, expected in conditions.items():
        assert graph(step("a", if_=condition)).nodes["a"].is_unconditional == expected, condition


def test_the_steps_own_retry_goes_before_the_plans_and_that_before_the_default() -> None:
    compiled = graph(step("own", retry={"max_attempts": 2}), step("other"), retry={"max_attempts": 7})

    assert compiled.retry_of("own").max_attempts == 2
    assert compiled.retry_of("other").max_attempts == 7
    assert graph(step("a")).retry_of("a") == Retry()


def test_a_step_without_a_timeout_has_the_default_one() -> None:
    compiled = graph(step("quick", timeout="2s"), step("plain"))

    assert (compiled.timeout_of("quick"), compiled.timeout_of("plain")) == (2.0, STEP_TIMEOUT_S)
