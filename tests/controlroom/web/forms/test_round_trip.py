from __future__ import annotations

import json
from typing import Any

from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.web.forms import checked, filled_form, params_of, query_of, read_form
from pulser.language.params import check_params
from tests.controlroom.web.forms.browser import changed, html_of, sent_by
from tests.controlroom.web.forms.schemas import PARAMS, Drawn

SLOW_MACHINE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def text_of(value: Any) -> str:
    """1, 1.0 and true differ; the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


@SLOW_MACHINE
@given(PARAMS)
def test_a_form_that_nobody_touched_gives_the_params_it_was_filled_with(drawn: Drawn) -> None:
    schema, params = drawn
    complete, _ = check_params(schema, params)
    form = read_form(schema, sent_by(filled_form(schema, params)))
    assert [field.error for field in form.wrong] == []
    assert text_of(form.params) == text_of(complete)


@SLOW_MACHINE
@given(PARAMS)
def test_written_as_json_and_back_nothing_changes(drawn: Drawn) -> None:
    schema, params = drawn
    complete, _ = check_params(schema, params)
    as_json = read_form(schema, sent_by(filled_form(schema, params)), command="json p")
    back = read_form(schema, sent_by(as_json), command="form p")
    assert as_json.is_json
    assert text_of(back.params) == text_of(complete)


@SLOW_MACHINE
@given(PARAMS)
def test_an_address_leads_to_the_same_params(drawn: Drawn) -> None:
    schema, params = drawn
    complete, _ = check_params(schema, params)
    found, notes = params_of(schema, dict(QueryDict(query_of(schema, complete)).lists()))
    assert notes == []
    assert text_of(check_params(schema, found)[0]) == text_of(complete)


NAMES = st.sampled_from(
    ["p", "p.repo", "p.depth", "p.0", "p.~", "p.+.0.k", "p.a%2Eb", "p.depth.0", "p.depth.+.1.v", "q"]
)
CONTROLS = st.tuples(st.sampled_from(["", "how:", "has:", "was:", "i:"]), NAMES).map("".join)
TEXTS = st.sampled_from(["", "0", "1", "json", "{}", "[", "null", "\0", "9" * 50, "-1", "\u00b2", "NaN"]) | st.text(
    max_size=5
)
COMMANDS = st.tuples(st.sampled_from(["", "add", "up", "down", "remove", "json", "form", "draw", "what"]), NAMES).map(
    " ".join
)


@SLOW_MACHINE
@given(PARAMS, st.dictionaries(CONTROLS, st.lists(TEXTS, max_size=3), max_size=6), COMMANDS)
def test_whatever_is_sent_a_form_comes_back(drawn: Drawn, sent: dict[str, list[str]], command: str) -> None:
    schema, params = drawn
    posted = changed(sent_by(filled_form(schema, params)), sent)
    for form in (read_form(schema, posted), read_form(schema, posted, command=command.strip())):
        assert html_of(checked(form))


@SLOW_MACHINE
@given(PARAMS, st.dictionaries(NAMES | st.text(max_size=4).map("p.{}".format), st.lists(TEXTS, min_size=1, max_size=2)))
def test_whatever_an_address_says_a_form_comes_of_it(drawn: Drawn, query: dict[str, list[str]]) -> None:
    found, notes = params_of(drawn[0], query)
    assert html_of(filled_form(drawn[0], found))
    assert all(isinstance(note, str) for note in notes)
