"""What is too large for params is the same for the API, hooks and pages, and spaces do not count."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from pulser.language.limits import PARAMS_BYTES
from pulser.language.params import params_bytes
from runs.models import Run
from tests.controlroom.api.callers import Caller, as_role
from tests.factories import make_plan, make_user

pytestmark = pytest.mark.django_db

TAKES_NUMBERS = """
pulser: 1
slug: numbers
params: {type: object, properties: {n: {type: array}}}
steps:
  - {id: greet, uses: shell, with: {run: "echo hello"}}
"""


def params_of_bytes(size: int) -> dict[str, Any]:
    """Params whose shortest JSON has so many bytes, and half as many again once there are spaces in it."""
    digits = size - len('{"n":[]}')
    zeros = digits // 2 - 1  # each with its comma
    params = {"n": [0] * zeros + [10 ** (digits - 2 * zeros - 1)]}
    assert params_bytes(params) == size
    assert len(json.dumps(params)) > size * 1.4
    return params


@pytest.fixture(params=["start", "hook", "page"])
def send(request: pytest.FixtureRequest) -> Any:
    """Starts a run with these params, and returns the status of the answer."""
    make_plan(TAKES_NUMBERS)
    compact: dict[str, Any] = {"separators": (",", ":")}

    def to_api(params: dict[str, Any]) -> int:
        return caller.post("/runs", json.dumps({"plan": "numbers", "params": params}, **compact)).status_code

    def to_hook(params: dict[str, Any]) -> int:
        return caller.post("/hooks/numbers", json.dumps(params, **compact)).status_code

    def to_page(params: dict[str, Any]) -> int:
        sent = {"how:p": "json", "p": json.dumps(params), "environment": "dev"}
        return client.post("/plans/numbers/start", sent).status_code

    client = Client()
    client.force_login(make_user("operator"))
    caller: Caller = as_role("operator")
    return {"start": to_api, "hook": to_hook, "page": to_page}[request.param]


def test_params_at_their_bound_start_a_run(send: Any) -> None:
    params = params_of_bytes(PARAMS_BYTES)
    assert send(params) in {201, 202, 302}
    assert Run.objects.get().params == params


def test_a_byte_more_starts_none(send: Any) -> None:
    assert send(params_of_bytes(PARAMS_BYTES + 1)) in {413, 422}
    assert not Run.objects.exists()
