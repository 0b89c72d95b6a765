"""What expressions mean, and that nothing they say can hurt."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulser.language import ExpressionError, is_condition_true, render
from pulser.language.expressions.filters import FILTERS
from pulser.language.limits import VALUE_BYTES

SCOPE: dict[str, Any] = {
    "params": {"n": 3, "name": "a b", "list": [1, 2], "yes": True, "none": None, "obj": {"k": {"d": 1.5}}, "e": ""},
    "steps": {
        "sign-off": {"status": "success", "outputs": {"by": "ada", "a-b": 1}},
        "skipped": {"status": "skipped", "outputs": None},
    },
    "run": {"id": "r1", "title": "t", "environment": "dev", "plan": "demo", "version": 2},
}

VALUES = [  # the expression, its value, why
    ("params.n", 3, "a typed value"),
    ("params['name']", "a b", "a field in brackets"),
    ("params.list[1]", 2, "an index"),
    ("params.list[-1]", 2, "from the end"),
    ("params.obj.k.d", 1.5, "a field of a field"),
    ("steps.sign-off.outputs.by", "ada", "an id with a dash"),
    ('steps["sign-off"].outputs["a-b"]', 1, "names in brackets"),
    ("steps.skipped.outputs.anything.at.all", None, "a skipped step's outputs are null, and so is each"),
    ("steps.skipped.outputs.x | default('y')", "y", "default replaces null"),
    ("params.nothing | default('y')", "y", "and what is not there"),
    ("params.e | default('y')", "", "but not an empty text"),
    ("params.nothing.at.all | default(none)", None, "and what is below it"),
    ("params.n + 1 * 2 - 4 / 2", 3.0, "arithmetic"),
    ("7 // 2", 3, "whole division"),
    ("-7 % 3", 2, "the rest, as Python has it"),
    ("'a' + 'b' ~ 1", "ab1", "texts"),
    ("[1] + [2]", [1, 2], "lists"),
    ("'ab' * 2", "abab", "a text repeated"),
    ("-params.n", -3, "a sign"),
    ("1 < 2 < 3", True, "a chain of comparisons"),
    ("1 < 3 < 2", False, "a chain that breaks"),
    ("true == 1", False, "true is no number"),
    ("1 == 1.0", True, "a number is a number"),
    ("'a' in 'cat' and 1 in params.list and 'k' in params.obj", True, "`in` of a text, a list and an object"),
    ("3 not in params.list", True, "`not in`"),
    ("params.none or 'x'", "x", "`or` gives a value"),
    ("not params.e", True, "an empty text is false"),
    ("'y' if params.yes else 'n'", "y", "a condition"),
    ("'y' if not params.yes", None, "a condition without another way"),
    ("{'a': [params.n]}", {"a": [3]}, "an object"),
    ("{'a': {'b': 1}}", {"a": {"b": 1}}, "an object that ends in two braces"),
    ("'{{'", "{{", "braces in a text"),
    ("null", None, "null, as YAML has it"),
    ("params.name | sh", "'a b'", "quoted for the shell"),
    ("'$(reboot)' | sh", "'$(reboot)'", "harmless in a shell"),
    ("params.obj | json", '{"k": {"d": 1.5}}', "as JSON"),
    ("params.name | upper | length", 3, "a chain of filters"),
    ("' x ' | trim | lower", "x", "trim"),
    ("params.list | join('-')", "1-2", "join"),
    ("params.list | first + params.list | last", 3, "filters bind tighter than operators"),
    ("[] | first | default(0)", 0, "nothing is first"),
    ("'12' | int + 1", 13, "a number from a text"),
    ("'1.5' | float", 1.5, "a fraction from a text"),
    ("2.567 | round(1)", 2.6, "rounded"),
    ("2.5 | round | string", "2", "rounded to a whole number"),
    ("params.obj | keys", ["k"], "keys"),
    ("'a-b' | replace('-', '+')", "a+b", "replace"),
    ("'a,b' | split(',')", ["a", "b"], "split"),
    ("' a  b ' | split", ["a", "b"], "split at blanks"),
]


@pytest.mark.parametrize(("expression", "value", "why"), VALUES)
def test_an_expression_has_a_typed_value(expression: str, value: Any, why: str) -> None:
    found = render("{{ " + expression + " }}", SCOPE)

    assert found == value, why
    assert type(found) is type(value), why


TEXTS = [
    ("x {{ params.n }}", "x 3"),
    ("{{ params.n }} ", "3 "),
    ("a{{ params.none }}b{{ params.yes }}", "abtrue"),
    ("{{ params.list }}{{ params.obj }}", '[1, 2]{"k": {"d": 1.5}}'),
    ("${#x} {% if %} {# no comment #} }}", "${#x} {% if %} {# no comment #} }}"),
    ("{{ '{{' }} literal }}", "{{ literal }}"),
]


@pytest.mark.parametrize(("text", "value"), TEXTS)
def test_mixed_text_is_text(text: str, value: str) -> None:
    assert render(text, SCOPE) == value


def test_rendering_goes_deep_and_leaves_the_template_alone() -> None:
    template = {"a": ["{{ params.n }}", {"b": "n={{ params.n }}"}], "{{ key }}": 1}

    assert render(template, SCOPE) == {"a": [3, {"b": "n=3"}], "{{ key }}": 1}
    assert template["a"] == ["{{ params.n }}", {"b": "n={{ params.n }}"}]


def test_an_error_says_where_the_text_stands() -> None:
    with pytest.raises(ExpressionError, match=r"^env\.list\[1\]: unknown field `x`") as caught:
        render({"env": {"list": ["a", "{{ params.n }} {{ params.x }}"]}}, SCOPE)

    assert caught.value.path == ("env", "list", 1)
    assert caught.value.ordinal == 1


REFUSED = [  # the expression, the important words
    ("''.__class__", "a string has no field"),
    ("params.__class__", "unknown field `__class__`"),
    ("params.obj.keys()", "values cannot be called"),
    ("params.list.append(1)", "values cannot be called"),
    ("().__class__.__mro__", "a list has no field"),
    ("params['name'].format", "a string has no field"),
    ("9 ** 9 ** 9", "powers"),
    ("'a' * 10000000000", "larger than"),
    ("[0] * 1000000000", "larger than"),
    ("('a' * 1000000) ~ ('b' * 1000000)", "larger than"),
    ("('a' * 1000000) | replace('a', 'bbbbbbbbbb')", "larger than"),
    ("('a' * 1000000) | split('a')", "larger than"),
    ("(['a' * 1000] * 1000) | join('b' * 10000)", "larger than"),
    ("['x' * 1000000, 'x' * 1000000] | json", "larger than"),
    ("9223372036854775807 * 9223372036854775807", "64 bits"),
    ("99999999999999999999", "64 bits"),
    ("1e308 * 10", "finite"),
    ("1e999", "too large"),
    ("1 / 0", "by zero"),
    ("1 % 0", "by zero"),
    ("'%1000000000d' % 1", "`%` does not take"),
    ("'%s' | format(1)", "unknown filter `format`"),
    ("range(10)", "unknown function `range`"),
    ("lipsum()", "unknown function `lipsum`"),
    ("cycler", "unknown name `cycler`"),
    ("self", "unknown name `self`"),
    ("env.HOME", "unknown name `env`"),
    ("params.name[0:1]", "slices"),
    ("params.n is defined", "tests"),
    ("params.list | map('upper')", "unknown filter `map`"),
    ("params.list | join(d=',')", "plain arguments only"),
    ("params.list | join(*params.list)", "plain arguments only"),
    ("params.name | replace('a')", "takes 2 arguments, got 1"),
    ("params.name + 1", "`+` does not take"),
    ("true + 1", "`+` does not take"),
    ("-params.name", "before a number"),
    ("params.name < 1", "does not order"),
    ("1 in 5", "expects a list"),
    ("params.n | upper", "expects a string, got 3"),
    ("'x' | int", "expects a whole number"),
    ("params.list[9]", "no item 9 in a list of 2"),
    ("params.nam", "did you mean `name`?"),
    ("steps.gone.outputs.x", "unknown field `gone`"),
    ("params.name.x", "a string has no field"),
    ("{1: 2}", "a key of an object is a string"),
    ("failed()", "only allowed in `if`"),
    ("always", "write `always()`"),
    ("always(1)", "takes no arguments"),
    ("params run", "`run` is not expected here"),
    ("1 2", "`2` is not expected here"),
    ("'\\ud800'", "cannot be stored"),
    ("", "missing"),
    ("(" * 2000 + "1" + ")" * 2000, "brackets"),
    ("not " * 1000 + "1", "nested"),
    ("- " * 2000 + "1", "nested"),
    ("1" + " + 1" * 900, "nested"),
    ("1 if 1 else " * 300 + "1", "nested"),
    ("x" * 5000, "4,096 bytes"),
]


@pytest.mark.parametrize(("expression", "words"), REFUSED)
def test_what_is_not_in_the_language_is_refused_at_once(expression: str, words: str) -> None:
    started = time.process_time()

    with pytest.raises(ExpressionError) as caught:
        render("{{ " + expression + " }}", SCOPE)

    assert words in str(caught.value)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text", ["{{ (((((" * 2000, "{{ " + "(" * 10_000 + ")" * 10_000 + " }}", "{{" * 5000, "{{- 1 }}"]
)
def test_broken_braces_are_errors(text: str) -> None:
    with pytest.raises(ExpressionError):
        render(text, SCOPE)


def test_all_values_of_one_rendering_have_a_bound_together() -> None:
    scope = {"params": {"big": "x" * (VALUE_BYTES - 10)}}

    with pytest.raises(ExpressionError, match="all values together"):
        render(["{{ params.big }}"] * 10, scope)


def test_a_value_that_is_nested_too_deep_is_an_error() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(ExpressionError):
        render("{{ params.deep | json }} and {{ params.deep == params.deep }}", {"params": {"deep": deep}})


def test_a_value_without_expressions_costs_next_to_nothing() -> None:
    template = {"run": "echo hi", "env": {"A": "b"}, "list": [1, 2]}
    started = time.process_time()

    for _ in range(1000):
        render(template, SCOPE)

    assert time.process_time() - started < 0.2  # 0.01 s on a machine that is not busy


CONDITIONS = [  # the condition, whether something failed, the answer
    (True, False, True),
    (False, False, False),
    ("params.n == 3", False, True),
    ("{{ params.n == 3 }}", False, True),
    ("  {{ params.e }}  ", False, False),
    ("always()", True, True),
    ("failed()", True, True),
    ("failed()", False, False),
    ("success() and params.yes", False, True),
    ("success()", True, False),
    ("'{{' == params.e", False, False),
]


@pytest.mark.parametrize(("condition", "failed", "answer"), CONDITIONS)
def test_a_condition_is_true_or_false(condition: str | bool, failed: bool, answer: bool) -> None:
    assert is_condition_true(condition, SCOPE, failed=failed) is answer


@pytest.mark.parametrize("condition", ["", "{{ 1 }} == 1", "{{ 1 }}{{ 2 }}", "params.x", "{{ x"])
def test_a_condition_that_cannot_be_judged_is_an_error(condition: str) -> None:
    with pytest.raises(ExpressionError):
        is_condition_true(condition, SCOPE, failed=False)


WORDS = "params steps run null true none always failed n name list obj x -off sign outputs not and or is if else in"
SIGNS = "+ - * / // % ** ~ == != < > <= ( ) [ ] { } , : . | ' \" 0 1 9 1e5 'a' \\"
PIECES = st.lists(st.sampled_from([*WORDS.split(), *SIGNS.split(), *FILTERS, " "]), max_size=30).map(" ".join)


@settings(deadline=None)
@given(st.text() | PIECES)
def test_no_expression_raises_anything_but_its_own_error(text: str) -> None:
    try:
        value = render("{{ " + text + " }}", SCOPE)
    except ExpressionError:
        return
    assert len(json.dumps(value)) < 10 * VALUE_BYTES


@settings(deadline=None)
@given(st.text() | PIECES)
def test_no_condition_raises_anything_but_its_own_error(text: str) -> None:
    with suppress(ExpressionError):
        assert is_condition_true(text, SCOPE, failed=True) in (True, False)


LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text().filter(lambda text: "{{" not in text),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(LITERALS)
def test_values_without_expressions_stay_as_they_are(value: Any) -> None:
    assert render(value, {}) == value
