"""What holds for every plan and every story: random plans, random outcomes, through the driver over a run in memory."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from pulser.engine.advance import UPSTREAM_FAILED
from pulser.engine.fold import LoggedEvent, fold_events
from pulser.engine.graph import Graph
from pulser.engine.states import RUN_ENDED, STEP_ENDED, STEP_STATUS_TOLD, RunStatus, StepStatus
from tests.pulser.engine.plans import graphs
from tests.pulser.engine.simulator import Simulation

scripts = st.lists(st.integers(0, 30), max_size=80)
REASONS = {"step.backed_off", "step.lost", "step.handed_back", "run.retried"}
HISTORY = settings(max_examples=50, deadline=None)


@HISTORY
@given(graphs(), scripts)
def test_every_story_ends_with_every_step_ended(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)

    assert run.status in RUN_ENDED
    assert {row.status for row in run.rows.values()} <= STEP_ENDED


@HISTORY
@given(graphs(), scripts)
def test_no_step_is_claimed_before_all_that_it_needs_has_ended(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)

    for position, event in enumerate(run.events):
        if event.kind == "step.claimed":
            before = fold_events(run.events[:position]).steps
            needs = graph.main if graph.nodes[event.step].is_finally else graph.nodes[event.step].step.needs
            assert {before[need].status for need in needs} <= STEP_ENDED


@HISTORY
@given(graphs(), scripts)
def test_no_step_is_claimed_again_without_a_reason_in_the_log(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)

    assert all(reasons for reasons in _reasons_between_claims(run.events))


def _reasons_between_claims(events: list[LoggedEvent]) -> Iterator[set[str]]:
    """For each second or later claim of a step: what was said of the step since the claim before."""
    said: dict[str, set[str]] = {}
    for event in events:
        if event.kind == "step.claimed":
            if event.step in said:
                yield said[event.step] & REASONS
            said[event.step] = set()
        elif event.step in said:
            said[event.step].add(event.kind)
        elif event.kind == "run.retried":
            for key in event.data["steps"]:
                said.setdefault(key, set()).add(event.kind)


@HISTORY
@given(graphs(), scripts)
def test_the_log_folds_to_the_rows(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)
    state = fold_events(run.events)

    assert state.status == run.status
    assert {key: step.status for key, step in state.steps.items()} == {key: r.status for key, r in run.rows.items()}
    assert {key: step.attempt for key, step in state.steps.items()} == {key: r.attempt for key, r in run.rows.items()}
    assert state.retry_count == sum(max(row.attempt - 1, 0) for row in run.rows.values())


@HISTORY
@given(graphs(), scripts)
def test_the_same_story_is_told_in_the_same_words(graph: Graph, script: list[int]) -> None:
    assert Simulation(graph).play(script).events == Simulation(graph).play(script).events


@HISTORY
@given(graphs(), scripts, scripts)
def test_a_run_that_is_retried_ends_as_well(graph: Graph, script: list[int], again: list[int]) -> None:
    run = Simulation(graph).play(script)
    if run.status != RunStatus.SUCCESS:
        run.let("retry")
        run.play(again)

    assert run.status in RUN_ENDED
    assert fold_events(run.events).status == run.status


@HISTORY
@given(graphs(), scripts)
def test_a_retry_in_which_all_goes_well_succeeds(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)
    if run.status != RunStatus.SUCCESS:
        run.let("retry")
        run.play()

    refused = {event.step for event in run.events if event.kind == "step.failed" and "`if`" in str(event.data)}
    assert run.status == RunStatus.SUCCESS or refused


@HISTORY
@given(graphs(), scripts)
def test_a_run_is_green_only_without_a_failure_that_counts(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)
    counted = [
        key
        for key, row in run.rows.items()
        if row.status == StepStatus.ERROR and not graph.nodes[key].step.continue_on_error
    ]

    assert (run.status == RunStatus.SUCCESS) == (not counted and not run.stop)


@HISTORY
@given(graphs(), scripts)
def test_what_was_skipped_after_a_failure_has_a_failed_step_before_it(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)
    failed = [key for key, row in run.rows.items() if row.status in (StepStatus.ERROR, StepStatus.CANCELLED)]

    skipped = {key for key, row in run.rows.items() if row.cause == UPSTREAM_FAILED}
    assert skipped <= graph.descendants(failed)


@HISTORY
@given(graphs(), scripts)
def test_finally_steps_run_one_after_the_other(graph: Graph, script: list[int]) -> None:
    run = Simulation(graph).play(script)

    under_way: set[str] = set()
    for event in run.events:
        if event.step in graph.finals:
            is_over = STEP_STATUS_TOLD.get(event.kind) in STEP_ENDED
            under_way = under_way - {event.step} if is_over else under_way | {event.step}
            assert len(under_way) <= 1
