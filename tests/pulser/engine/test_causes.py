from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pulser.engine.causes import FailedStep, StepOutcome, root_failures
from pulser.engine.graph import Graph, compile_plan
from pulser.language.document import Plan

ERROR, SUCCESS = StepOutcome("error", "failed"), StepOutcome("success")
FOLLOWED, PASSED_OVER = StepOutcome("skipped", "upstream_failed"), StepOutcome("skipped", "condition")


def graph_of(steps: dict[str, list[str]], *, may_fail: str = "", finals: tuple[str, ...] = ()) -> Graph:
    def step(key: str, needs: list[str]) -> dict[str, object]:
        return {"id": key, "uses": "shell", "needs": needs, "continue_on_error": key == may_fail}

    ends = [step(key, []) for key in finals]
    document = {"pulser": 1, "slug": "p", "steps": [step(*one) for one in steps.items()], "finally": ends}
    return compile_plan(Plan.model_validate(document))


DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["d"]}


def test_what_was_skipped_is_told_of_its_failure() -> None:
    steps = {"a": SUCCESS, "b": ERROR, "c": SUCCESS, "d": FOLLOWED, "e": FOLLOWED}
    assert root_failures(graph_of(DIAMOND), steps, order=["b"]) == [FailedStep("b", ("d", "e"))]


def test_of_two_failures_the_earlier_is_the_first_cause() -> None:
    steps = {"a": SUCCESS, "b": ERROR, "c": ERROR, "d": FOLLOWED, "e": FOLLOWED}
    found = root_failures(graph_of(DIAMOND), steps, order=["c", "b"])
    assert found == [FailedStep("c", ("d", "e")), FailedStep("b")]


def test_a_step_that_failed_again_counts_as_of_its_last_time() -> None:
    steps = {"a": SUCCESS, "b": ERROR, "c": ERROR, "d": FOLLOWED, "e": FOLLOWED}
    assert [one.key for one in root_failures(graph_of(DIAMOND), steps, order=["b", "c", "b"])] == ["c", "b"]


def test_a_step_that_failed_once_and_succeeded_then_is_no_cause() -> None:
    steps = dict.fromkeys(DIAMOND, SUCCESS)
    assert root_failures(graph_of(DIAMOND), steps, order=["b"]) == []


def test_a_step_that_may_fail_is_no_cause() -> None:
    steps = {"a": SUCCESS, "b": ERROR, "c": SUCCESS, "d": SUCCESS, "e": SUCCESS}
    assert root_failures(graph_of(DIAMOND, may_fail="b"), steps, order=["b"]) == []


def test_a_step_that_its_condition_skipped_followed_from_nothing() -> None:
    steps = {"a": SUCCESS, "b": ERROR, "c": SUCCESS, "d": PASSED_OVER, "e": FOLLOWED}
    assert root_failures(graph_of(DIAMOND), steps, order=["b"]) == [FailedStep("b", ("e",))]


def test_a_failure_below_another_does_not_stand_alone() -> None:
    steps = {"a": ERROR, "b": ERROR, "c": FOLLOWED, "d": FOLLOWED, "e": FOLLOWED}
    assert root_failures(graph_of(DIAMOND), steps, order=["a", "b"])[1] == FailedStep("b", (), after="a")


def test_a_finally_step_fails_after_the_first_cause_or_alone() -> None:
    graph = graph_of({"a": []}, finals=("tidy",))
    both = root_failures(graph, {"a": ERROR, "tidy": ERROR}, order=["a", "tidy"])
    alone = root_failures(graph, {"a": SUCCESS, "tidy": ERROR}, order=["tidy"])
    assert (both[1].after, alone[0].after) == ("a", None)


def test_a_failure_that_the_log_does_not_name_comes_last() -> None:
    steps = {"a": SUCCESS, "b": ERROR, "c": ERROR, "d": FOLLOWED, "e": FOLLOWED}
    assert [one.key for one in root_failures(graph_of(DIAMOND), steps, order=["c"])] == ["c", "b"]


@given(st.data())
def test_each_skipped_step_is_told_once_and_of_something_upstream(data: st.DataObject) -> None:
    number = data.draw(st.integers(1, 12))
    needs = {
        f"s{one}": [f"s{other}" for other in data.draw(st.sets(st.integers(0, max(one - 1, 0)), max_size=3)) if one]
        for one in range(number)
    }
    graph = graph_of(needs)
    standings = st.sampled_from([ERROR, SUCCESS, FOLLOWED, PASSED_OVER])
    steps = {key: data.draw(standings) for key in needs}
    found = root_failures(graph, steps, order=data.draw(st.lists(st.sampled_from(sorted(needs)))))
    told = [key for one in found for key in one.skipped]
    assert len(told) == len(set(told))
    assert {one.key for one in found} == {key for key, standing in steps.items() if standing is ERROR}
    assert all(key in graph.descendants([one.key]) for one in found for key in one.skipped)
