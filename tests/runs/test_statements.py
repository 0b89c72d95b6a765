"""What a run costs in statements, transaction control included: round trips are what its speed is made of."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pulser.tools.python import effect
from runs.execution import dispatch
from runs.execution.worker_loop import run_worker_loop
from tests.controlroom.api.callers import as_role
from tests.factories import make_lane, make_plan, make_session, start
from tests.runs.execution.plans import plan

pytestmark = pytest.mark.django_db(transaction=True)


@effect("pure")
def double(n: int) -> int:
    return 2 * n


STEP: dict[str, Any] = {"uses": "python", "with": {"function": f"{__name__}:double", "args": {"n": 4}}}


@pytest.fixture(autouse=True)
def places(db: None, settings: Any) -> None:
    settings.TOOL_SETTINGS = settings.TOOL_SETTINGS | {"python_functions": [f"{__name__}:double"]}
    make_lane("A", limit=1000)
    make_session()


def python_step(key: str, *needs: str) -> dict[str, Any]:
    return {"id": key, **STEP, "needs": list(needs)}


def statements_of(run_id: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        run_worker_loop()
    return [query["sql"] for query in captured]


def test_a_run_of_one_step_takes_twelve_statements_from_its_hook_to_its_end() -> None:
    operator = as_role("operator")
    version = make_plan(plan(python_step("only")))
    for _ in range(2):  # the first call makes the hook, notes the token's use and compiles the plan
        with CaptureQueriesContext(connection) as captured:
            run = operator.post(f"/hooks/{version.plan.slug}", {}).json()
        posted = [query["sql"] for query in captured]
        worked = statements_of(run["id"])

    assert operator.get(f"/runs/{run['id']}").json()["status"] == "success"
    assert (len(posted), len(worked)) == (2, 10), "\n".join([*posted, *worked])


def test_a_step_of_a_chain_takes_four_statements() -> None:
    counts = []
    for length in (5, 15):
        steps = [python_step("s0"), *(python_step(f"s{n}", f"s{n - 1}") for n in range(1, length))]
        run = start(plan(*steps), lane="A")
        counts.append(len(statements_of(str(run.pk))))

    assert (counts[1] - counts[0]) / 10 == 4


def test_a_parallel_step_takes_four_statements() -> None:
    counts = []
    for width in (5, 15):
        names = [f"p{n}" for n in range(width)]
        run = start(plan(*(python_step(name) for name in names), python_step("join", *names)), lane="A")
        counts.append(len(statements_of(str(run.pk))))

    assert (counts[1] - counts[0]) / 10 == 4


def test_a_start_takes_as_many_statements_for_a_thousand_steps_as_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "KNOWN_FOR_S", math.inf)  # who works is asked anew now and then, as time goes by
    counts = []
    for length in (1, 1000):
        version = make_plan(plan(*(python_step(f"s{n}") for n in range(length))))
        with CaptureQueriesContext(connection) as captured:
            start(version=version, lane="A")
        counts.append(len(captured))

    assert counts[0] == counts[1]
