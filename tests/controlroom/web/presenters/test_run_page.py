from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string
from pytest_django import DjangoAssertNumQueries as Queries

from controlroom.web.presenters.run_page import (
    MapOptions,
    cause_context,
    head_context,
    map_context,
    node_contexts,
    read_map_options,
    run_body_context,
    step_rows,
    tally_context,
)
from controlroom.web.presenters.step_details import step_body_context
from runs.models import Run
from runs.queries.run_snapshot import read_run_snapshot, read_step_details
from tests.factories import make_run, put_step, say
from tests.runs.helpers import drive, run_plan

pytestmark = pytest.mark.django_db

BREAKS = """
pulser: 1
slug: breaks
title: Breaks
retry: {max_attempts: 1}
steps:
  - {id: first, uses: shell, with: {run: "echo ok"}}
  - {id: second, needs: [first], uses: shell, with: {run: "exit 3"}}
  - {id: third, needs: [second], uses: shell, with: {run: "true"}}
  - {id: fourth, needs: [third], uses: shell, with: {run: "true"}}
  - {id: aside, uses: shell, with: {run: "exit 4"}}
finally:
  - {id: tidy, uses: shell, with: {run: "true"}}
"""
PASSES_ON = """
pulser: 1
slug: passes-on
title: Passes on
params: {type: object, properties: {name: {type: string, default: Ada}}}
steps:
  - {id: ask, uses: shell, with: {run: 'echo "said=hello" >> "$PULSER_OUTPUT"'}, outputs: {said: {type: string}}}
  - id: answer
    needs: [ask]
    uses: shell
    with: {run: 'echo "$WORDS"', env: {WORDS: "{{ steps.ask.outputs.said }} {{ params.name }}"}}
"""


def fan(number: int, slug: str = "") -> str:
    steps = "".join(
        f"  - {{id: s{one:03d}, needs: [split], uses: shell, with: {{run: 'true'}}}}\n" for one in range(number)
    )
    return (
        f"pulser: 1\nslug: {slug or f'fan-{number}'}\ntitle: Fan\n"
        f"steps:\n  - {{id: split, uses: shell, with: {{run: 'true'}}}}\n{steps}"
    )


def row_of(run: Run, key: str) -> dict[str, Any]:
    (row,) = step_rows(read_run_snapshot(run), [key])
    return row


def test_the_first_failure_is_told_with_what_it_led_to() -> None:
    told = cause_context(read_run_snapshot(run_plan(BREAKS)))
    assert (told["cause"].step.key, told["cause"].attempt.exit_code) == ("second", 3)
    assert told["cause"].failure.skipped == ("third", "fourth")
    assert [other.step.key for other in told["others"]] == ["aside"]


def test_rows_say_which_failed_first_and_what_was_skipped_because_of_it() -> None:
    run = run_plan(BREAKS)
    assert row_of(run, "second")["is_first_failure"]
    assert row_of(run, "third")["because"] == "second"
    assert row_of(run, "first")["because"] == ""


def test_a_run_without_failures_has_no_cause() -> None:
    assert cause_context(read_run_snapshot(run_plan(PASSES_ON)))["cause"] is None


def test_a_retry_forgets_the_failure_that_it_resets() -> None:
    run = run_plan(BREAKS)
    for step in run.steps.all():
        put_step(run, step.key, "pending", cause="")
    assert cause_context(read_run_snapshot(run))["cause"] is None


def test_the_map_is_a_graph_unless_the_waterfall_is_asked_for() -> None:
    moment = read_run_snapshot(run_plan(PASSES_ON))
    assert map_context(moment)["map"] == "graph"
    assert map_context(moment, MapOptions("waterfall"))["map"] == "waterfall"


def test_a_single_step_has_a_map_once_it_was_tried_twice() -> None:
    source = (
        "pulser: 1\nslug: stubborn\ntitle: Stubborn\nsteps:\n"
        "  - {id: no, uses: shell, with: {run: exit 1}, retry: {max_attempts: 2, initial: 1s}}\n"
    )
    assert map_context(read_run_snapshot(make_run()))["map"] == ""
    shown = map_context(read_run_snapshot(run_plan(source)))
    assert (shown["map"], shown["has_graph"]) == ("waterfall", False)


def test_a_query_names_map_and_folds_and_what_it_does_not_know_is_left_out() -> None:
    moment = read_run_snapshot(make_run(source=fan(9)))
    asked = read_map_options({"map": "waterfall", "unfold": "s000,nonsense,split", "idle": "open"}, moment)
    assert asked == MapOptions("waterfall", frozenset({"s000"}), is_idle_open=True)
    assert read_map_options({"map": "x" * 999, "unfold": "," * 999, "idle": "?"}, moment) == MapOptions()


def test_a_fan_out_is_one_node_that_counts_its_steps() -> None:
    run = make_run(source=fan(9))
    put_step(run, "s003", "error")
    put_step(run, "s004", "success")
    node = map_context(read_run_snapshot(run))["nodes"][1]
    assert node["status"] == "error"
    assert node["counts"] == [("error", 1), ("pending", 7), ("success", 1)]


def test_an_unfolded_fan_out_has_a_node_for_each_step() -> None:
    run = make_run(source=fan(9))
    nodes = map_context(read_run_snapshot(run), MapOptions(unfolded=frozenset({"s000"})))["nodes"]
    assert [node["step"].key for node in nodes] == [step.key for step in run.steps.in_plan_order()]


def test_news_of_a_folded_step_redraw_its_node_and_its_fan_out() -> None:
    run = make_run(source=fan(9))
    assert [name for name, _ in node_contexts(read_run_snapshot(run), ["s003"])] == ["node-s003", "fan-s000"]
    assert [name for name, _ in node_contexts(read_run_snapshot(run), ["split"])] == ["node-split"]


def test_many_steps_are_counted_by_status_and_few_are_not() -> None:
    run = make_run(source=fan(30))
    put_step(run, "s001", "error")
    (context,) = tally_context(read_run_snapshot(run))
    assert context["tally"] == [("error", 1), ("pending", 30)]
    assert tally_context(read_run_snapshot(make_run(source=fan(9)))) == []


def test_a_moment_takes_as_many_queries_for_many_steps_as_for_one(django_assert_num_queries: Queries) -> None:
    few, many = make_run(source=fan(2)), make_run(source=fan(60))
    for pk in (few.pk, many.pk):
        run = Run.objects.with_context().get(pk=pk)
        run_body_context(read_run_snapshot(run))  # the plan's graph is kept
        with django_assert_num_queries(6):
            shown = run_body_context(read_run_snapshot(run))
            render_to_string("runs/_run_head.html", shown)
            for row in shown["rows"]:
                render_to_string("runs/_step.html", row)


def test_rows_are_light_whatever_the_steps_left_behind() -> None:
    run = make_run(source=fan(2))
    put_step(run, "split", "success", outputs={"text": "x" * 100_000})
    assert len(render_to_string("runs/_step.html", row_of(run, "split"))) < 3_000


def test_inputs_are_the_plan_with_params_and_outputs_filled_in() -> None:
    moment = read_run_snapshot(run_plan(PASSES_ON))
    shown = step_body_context(moment, read_step_details(moment, "answer"))
    assert shown["inputs"].value["env"] == {"WORDS": "hello Ada"}
    assert shown["inputs"].note == ""


def test_inputs_of_a_step_that_has_not_begun_are_as_the_plan_says() -> None:
    moment = read_run_snapshot(make_run(source=PASSES_ON))
    shown = step_body_context(moment, read_step_details(moment, "answer"))
    assert shown["inputs"].value["env"] == {"WORDS": "{{ steps.ask.outputs.said }} {{ params.name }}"}
    assert "filled in when the step starts" in shown["inputs"].note


def test_inputs_that_cannot_be_filled_in_any_more_say_so() -> None:
    run = run_plan(PASSES_ON)
    put_step(run, "ask", "success", outputs=[])
    moment = read_run_snapshot(run)
    assert "cannot be filled in" in step_body_context(moment, read_step_details(moment, "answer"))["inputs"].note


def test_an_attempt_is_chosen_by_its_number_and_a_wrong_one_is_the_latest() -> None:
    source = (
        "pulser: 1\nslug: thrice\ntitle: Thrice\nsteps:\n"
        "  - {id: no, uses: shell, with: {run: exit 1}, retry: {max_attempts: 3, initial: 1s}}\n"
    )
    moment = read_run_snapshot(run_plan(source))
    opened = read_step_details(moment, "no")
    assert [step_body_context(moment, opened, number=number)["attempt"].number for number in (1, 2, 99, None)] == [
        1,
        2,
        3,
        3,
    ]


def test_an_attempt_after_a_retry_by_hand_names_who_asked() -> None:
    from runs import commands
    from tests.factories import make_actor

    run = run_plan(BREAKS)
    commands.retry(str(run.pk), actor=make_actor(name="olivia"))
    drive(run)
    moment = read_run_snapshot(run)
    assert step_body_context(moment, read_step_details(moment, "second"))["why"] == "The run was retried by olivia."


def test_a_step_that_is_not_there_cannot_be_opened() -> None:
    assert read_step_details(read_run_snapshot(make_run()), "nobody") is None


def test_a_plan_that_can_no_longer_be_read_leaves_a_page_without_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    from pulser.catalogue import IncompatiblePlan
    from runs.queries import run_snapshot as module

    def unreadable(version_id: int) -> None:
        raise IncompatiblePlan("no", version_id=version_id)

    run = run_plan(BREAKS)
    monkeypatch.setattr(module, "compiled_plan", unreadable)
    moment = read_run_snapshot(run)
    assert map_context(moment)["map"] == ""
    assert cause_context(moment)["cause"] is None
    assert step_body_context(moment, read_step_details(moment, "first"))["inputs"] is None


def test_the_head_counts_children_and_names_the_first_ones() -> None:
    parent = make_run(status="error")
    for _ in range(10):
        make_run(parent=parent)
    head = head_context(read_run_snapshot(parent))
    assert (len(head["children"]), head["has_more_children"]) == (8, True)


def test_events_of_other_kinds_are_no_history() -> None:
    run = make_run()
    say(run, "run.archived", by="olivia")
    assert [told.kind for told in read_run_snapshot(run).told] == ["run.queued"]


WAITS = """
pulser: 1
slug: waits
title: Waits
steps:
  - {id: ask, uses: approval, with: {timeout: 8h}}
  - {id: later, uses: wait, with: {duration: 10s}}
  - {id: send, uses: http, effect: irreversible, with: {url: "https://example.com"}}
  - {id: make, uses: shell, timeout: 2m, with: {run: "true"}}
"""


@pytest.mark.parametrize(
    ("key", "tries", "timeout_s", "asks_s"),
    [("ask", None, None, 28_800), ("later", None, None, None), ("send", 1, 3600, None), ("make", 4, 120, None)],
)
def test_a_step_tells_the_bounds_that_hold_for_it(
    key: str, tries: int | None, timeout_s: float | None, asks_s: float | None
) -> None:
    moment = read_run_snapshot(make_run(source=WAITS), keys=[key])
    opened = read_step_details(moment, key)
    assert opened is not None
    body = step_body_context(moment, opened)
    assert (body.get("tries"), body.get("timeout_s"), body.get("asks_s")) == (tries, timeout_s, asks_s)
