"""A plan whose regular expressions would take for ever, met by everybody who starts it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.http import HttpResponse
from django.test import Client

from pulser.language import patterns
from runs.models import Run
from tests.controlroom.api.callers import as_role
from tests.factories import make_lane, make_plan, make_run, make_session

SOURCE = """
pulser: 1
slug: hostile
params:
  type: object
  properties:
    names: {type: array, items: {type: string, pattern: '(((a+)+)+)+$'}}
    words: {type: object, additionalProperties: {type: string}, propertyNames: {pattern: '^(\\w+\\s?)+$'}}
  patternProperties: {'^((x|x)+)+$': {type: string}}
  additionalProperties: false
steps:
  - {id: only, uses: shell, with: {run: "true"}}
"""
AS = "a" * 15 + "b"
PARAMS = {"names": [AS] * 20, "words": {"b" * 40 + "!": ""}, "x" * 40 + "y": "z"}
ANSWERED_S = 3.0
Ask = Callable[[Client], HttpResponse]


@pytest.fixture(autouse=True)
def house(db: None, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(patterns, "PATTERN_S", 0.2)
    monkeypatch.setattr(patterns, "PATTERNS_S", 0.6)
    make_lane()
    make_session()
    return make_run(version=make_plan(SOURCE), status="success")


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < ANSWERED_S


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        pytest.param(
            lambda c: c.get("/plans/hostile/", {"params": json.dumps(PARAMS)}), 200, id="a link that fills it in"
        ),
        pytest.param(
            lambda c: c.post("/plans/hostile/start", {"how:p": "json", "p": json.dumps(PARAMS)}), 422, id="the form"
        ),
        pytest.param(
            lambda c: c.post("/plans/hostile/start", {"how:p": "json", "p": json.dumps(PARAMS), "do": "form p"}),
            200,
            id="its other way to write",
        ),
        pytest.param(
            lambda c: c.post("/plans/hostile/start", {"how:p": "json", "p": json.dumps(PARAMS), "do": "link"}),
            200,
            id="a link to it",
        ),
        pytest.param(
            lambda c: c.post(
                f"/runs/{Run.objects.get().pk}/retry", {"way": "again", "how:p": "json", "p": json.dumps(PARAMS)}
            ),
            422,
            id="a retry with other params",
        ),
    ],
)
def test_a_page_is_answered_soon(operator: Client, ask: Ask, status: int) -> None:
    with soon():
        assert ask(operator).status_code == status
    assert Run.objects.count() == 1


def test_the_form_says_what_cannot_be_told(operator: Client) -> None:
    html = operator.post("/plans/hostile/start", {"how:p": "json", "p": json.dumps(PARAMS)}).content.decode()
    assert "cannot be checked: no result within 0.2 s; avoid nested repetitions" in html


@pytest.mark.parametrize(
    ("path", "body"), [("/runs", {"plan": "hostile", "params": PARAMS}), ("/hooks/hostile", PARAMS)]
)
def test_a_start_is_refused_soon(path: str, body: dict[str, object]) -> None:
    caller = as_role("operator")
    with soon():
        answer = caller.post(path, body)
    assert answer.status_code == 422
    assert "cannot be checked" in answer.content.decode()
