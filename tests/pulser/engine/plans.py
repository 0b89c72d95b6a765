"""Plans for the engine's tests: written down in a line, or drawn at random by Hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from pulser.engine.advance import EndedStep
from pulser.engine.graph import Graph, compile_plan
from pulser.engine.states import StepStatus
from pulser.language.document import Plan

STEPS_MAX = 12
FINALS_MAX = 3


def step(key: str, *needs: str, **fields: Any) -> dict[str, Any]:
    """A step; `if_` stands for the key `if`."""
    if "if_" in fields:
        fields["if"] = fields.pop("if_")
    return {"id": key, "uses": "shell", "needs": list(needs), **fields}


def graph(*steps: dict[str, Any], finals: tuple[dict[str, Any], ...] = (), **fields: Any) -> Graph:
    """The compiled plan of these steps."""
    document = {"pulser": 1, "slug": "drawn", "steps": list(steps), "finally": list(finals), **fields}
    return compile_plan(Plan.model_validate(document))


def fact(status: str, cause: str = "", outputs: Mapping[str, Any] | None = None) -> EndedStep:
    return EndedStep(StepStatus(status), cause, outputs)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A plan of up to a dozen steps, each free to need, judge and forgive those before it."""
    keys = [f"s{number}" for number in range(draw(st.integers(1, STEPS_MAX)))]
    steps = [draw(_steps(key, keys[:position])) for position, key in enumerate(keys)]
    finals = [draw(_steps(f"f{number}", [])) for number in range(draw(st.integers(0, FINALS_MAX)))]
    return graph(*steps, finals=tuple(finals))


@st.composite
def _steps(draw: st.DrawFn, key: str, earlier: list[str]) -> dict[str, Any]:
    needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=4)) if earlier else []
    fields: dict[str, Any] = {"continue_on_error": draw(st.booleans())}
    conditions = [None, None, True, False, "always()", "failed()", "success()", "params.wanted"]
    conditions += [f"steps.{need}.outputs.{field}" for need in needs for field in ("ok", "unheard_of")]
    if (condition := draw(st.sampled_from(conditions))) is not None:
        fields["if_"] = condition
    if (most := draw(st.integers(0, 3))) > 0:
        fields["retry"] = {"max_attempts": most, "initial": draw(st.sampled_from([0, 1, 60]))}
    if effect := draw(st.sampled_from(["", "pure", "irreversible"])):
        fields["effect"] = effect
    if environments := draw(st.sampled_from([[], ["dev"], ["prod"]])):
        fields["environments"] = environments
    return step(key, *needs, **fields)
