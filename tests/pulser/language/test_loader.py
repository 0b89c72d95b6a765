"""Plans that are right give a plan; anything else gives problems, and never an exception."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulser.language import Problem
from pulser.language.limits import PLAN_BYTES, PLAN_PROBLEMS
from tests.pulser.language.plans import BUILD, HEAD, RELEASE_CHECK, check, said


def test_the_example_of_the_documentation_is_right() -> None:
    checked = check(RELEASE_CHECK)

    assert checked.problems == ()
    assert checked.plan is not None
    assert [step.id for step in checked.plan.steps] == ["clone", "test", "sign-off"]
    assert checked.plan.steps[0].timeout == 120


def test_the_document_of_a_right_plan_is_the_plain_value() -> None:
    checked = check(HEAD + BUILD)

    assert checked.document is not None
    assert checked.document["steps"][0]["with"] == {"run": "make"}


def test_a_plan_with_problems_is_no_plan_and_keeps_its_document() -> None:
    checked = check(HEAD + "  - {id: a, uses: shel}\n")

    assert checked.plan is None
    assert checked.document is not None
    assert checked.document["slug"] == "demo"


def test_json_with_tabs_and_escapes_is_read_as_json() -> None:
    document = {"pulser": 1, "slug": "demo", "title": "\U0001f600", "steps": [{"id": "a", "uses": "shel"}]}

    (problem,) = check(json.dumps(document, indent="\t")).problems

    assert (problem.line, problem.column, problem.path) == (8, 12, "steps[0].uses")


def test_a_problem_reads_as_a_line_and_as_data() -> None:
    problem = Problem(14, 12, "steps[2].with.url", "expected a string")

    assert str(problem) == "14:12 steps[2].with.url: expected a string"
    assert problem.as_dict() == {
        "line": 14,
        "column": 12,
        "path": "steps[2].with.url",
        "message": "expected a string",
    }


def test_a_problem_of_the_whole_document_has_no_path() -> None:
    assert said("") == ["1:1 the document is empty; expected a plan: `pulser: 1`, `slug`, `steps`"]


def test_all_problems_come_at_once_sorted_by_place_and_counted() -> None:
    steps = "".join(f"  - {{id: s{index}, uses: nothing}}\n" for index in range(PLAN_PROBLEMS + 50))

    problems = check(HEAD + steps).problems

    assert len(problems) == PLAN_PROBLEMS
    assert list(problems) == sorted(problems)


def test_faults_of_one_step_do_not_hide_those_of_another() -> None:
    text = HEAD + "  - {id: a, uses: shell, wiht: {run: x}}\n  - {id: b, uses: htpt, with: {}, needs: [a, c]}\n"

    assert said(text) == [
        "12:26 steps[0].wiht: unknown key `wiht`; did you mean `with`?",
        "13:19 steps[1].uses: unknown tool `htpt`; did you mean `http`?",
        "13:46 steps[1].needs[1]: unknown step `c`",
    ]


def test_a_document_that_is_too_large_is_refused_without_being_read() -> None:
    (problem,) = said(HEAD + BUILD + "#" * 2 * PLAN_BYTES)

    assert "at most 1,048,576 are allowed" in problem


def test_a_thousand_steps_are_checked_within_seconds() -> None:
    argument = 'run: x, env: {{A: "{{{{ steps.s{1}.outputs.stdout }}}}"}}'
    step = f"  - {{{{id: s{{0}}, needs: [s{{1}}], uses: shell, with: {{{{{argument}}}}}}}}}\n"
    text = HEAD + "  - {id: s0, uses: shell, with: {run: x}}\n"
    text += "".join(step.format(index, index - 1) for index in range(1, 1000))
    started = time.process_time()

    problems = said(text)

    assert problems == []
    assert time.process_time() - started < 3  # about 0.5 s; the bound is for a busy machine


def test_more_than_a_thousand_steps_are_refused() -> None:
    steps = "".join(f"  - {{id: s{index}, uses: shell, with: {{run: x}}}}\n" for index in range(1001))

    assert said(HEAD + steps) == ["12:3 steps: at most 1,000 steps are allowed, got 1,001"]


YAML_PIECES = st.sampled_from(
    [
        *"\n\t {}[]:,-&*!|>'\"%@`#?~",
        "{{",
        "}}",
        "a",
        "&a",
        "*a",
        "steps:",
        "- id: x",
        "  ",
        "!!str",
        "\x00",
        "\ud800",
        "é",
        "1",
    ]
)


@settings(deadline=None)
@given(st.text() | st.lists(YAML_PIECES).map("".join))
def test_no_text_makes_the_checker_raise(text: str) -> None:
    assert check(text).plan is None


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["a", "", "{{ x }}", "{{ steps.a }}", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "x", "$ref"]), inner),
    max_leaves=8,
)
STEP_KEYS = st.sampled_from(
    ["id", "uses", "with", "needs", "if", "outputs", "verify", "retry", "artifacts", "timeout", "effect", "title"]
)
STEPS = st.dictionaries(STEP_KEYS, JSON_VALUES).map(lambda step: {"id": "a", "uses": "shell", **step})
PLANS = st.fixed_dictionaries(
    {"pulser": st.just(1), "slug": st.just("x"), "steps": st.lists(STEPS | JSON_VALUES, max_size=3) | JSON_VALUES},
    optional={"params": JSON_VALUES, "finally": st.lists(STEPS), "outputs": JSON_VALUES, "lane": JSON_VALUES},
)


@settings(deadline=None)
@given(PLANS)
def test_no_plan_makes_the_checker_raise(document: object) -> None:
    checked = check(json.dumps(document))

    assert (checked.plan is None) == bool(checked.problems)


SCHEMA_KEYS = st.sampled_from(
    ["type", "properties", "items", "anyOf", "$ref", "default", "enum", "additionalProperties", "$defs", "prefixItems"]
)
SCHEMA_VALUES = st.recursive(
    st.none()
    | st.integers(-2, 5)
    | st.sampled_from(["object", "string", "array", "#/$defs/a", "#/properties/a", "http://[", "a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(SCHEMA_KEYS | st.just("a"), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    st.dictionaries(SCHEMA_KEYS, SCHEMA_VALUES),
    st.sampled_from(["params.a", "params.a.a", "params.a[0]", "params | first"]),
)
def test_no_schema_of_params_makes_the_checker_raise(schema: object, expression: str) -> None:
    step = {"id": "a", "uses": "http", "with": {"url": "{{ " + expression + " }}"}}

    checked = check(json.dumps({"pulser": 1, "slug": "x", "params": schema, "steps": [step]}))

    assert (checked.plan is None) == bool(checked.problems)


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 100_000, "a: " * 1000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_deep_documents_are_problems_and_no_crash(text: str) -> None:
    assert len(check(text).problems) == 1
