"""What the body of a step shows once it is opened: an attempt of several, inputs, outputs, verdicts, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulser.engine.graph import Node
from pulser.engine.scope import run_scope
from pulser.language import durations
from pulser.language.expressions import ExpressionError, render
from pulser.language.limits import APPROVAL_TIMEOUT_S
from pulser.tools.effects import effect_of, suspends, tries_of
from runs.models import Attempt, Event, Step
from runs.queries.run_snapshot import RunSnapshot, StepDetails

CAUSES = {
    "first": "First attempt.",
    "retry": "Retry after the previous attempt failed.",
    "lost": "Retry after the previous worker was lost.",
    "handed_back": "The previous worker stopped and handed the step back.",
    "button": "The run was retried{by}.",
    "approved": "Approved{by}.",
}
ASKED_BY = {"button": "run.retried", "approved": "approval.given"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The arguments of a step. `note` says what they are, if they are not what the tool was given."""

    value: Any
    note: str = ""


def step_body_context(moment: RunSnapshot, opened: StepDetails, *, number: int | None = None) -> dict[str, Any]:
    """For `_step_body.html`. `number`: the attempt that is asked for; the latest when there is no such one."""
    step = opened.step
    attempts = moment.attempts.get(step.key, ())
    chosen = next((one for one in attempts if one.number == number), attempts[-1] if attempts else None)
    last = attempts[-1] if attempts else None
    node = moment.graph.nodes.get(step.key) if moment.graph else None
    return {
        "run": moment.run,
        "at": moment.at,
        "step": step,
        "node": node,
        **_bounds(moment, node),
        "effect": effect_of(node.step) if node else "",
        "needs": _needs(moment, step),
        "attempts": attempts,
        "attempt": chosen,
        "is_last": chosen is last,
        "why": _attempt_reason(moment, chosen),
        "inputs": _inputs(moment, opened, node=node),
        "proofs": [one for one in opened.proofs if chosen and one.attempt == chosen.number],
        "artifacts": [one for one in opened.artifacts if chosen and one.attempt == chosen.number],
    }


def _bounds(moment: RunSnapshot, node: Node | None) -> dict[str, Any]:
    """`tries`, and how long each may take (`timeout_s`); of a question, how long it waits for its answer (`asks_s`).

    Neither a person nor the clock is asked twice, and what counts for them is not the time of a call.
    """
    if node is None or moment.graph is None:
        return {}
    step = node.step
    if suspends(step):
        return {"asks_s": _asked_for(step.with_) if step.uses == "approval" else None}
    tries = tries_of(step, moment.graph.retry_of(step.id))
    return {"tries": tries, "timeout_s": moment.graph.timeout_of(step.id)}


def _asked_for(arguments: Mapping[str, Any]) -> float | None:
    """In seconds; None where the plan leaves it to an expression."""
    try:
        return durations.seconds(arguments.get("timeout", APPROVAL_TIMEOUT_S))
    except ValueError:
        return None


def _needs(moment: RunSnapshot, step: Step) -> Sequence[Step]:
    return [one for one in moment.steps if one.key in set(step.needs)]


def _attempt_reason(moment: RunSnapshot, attempt: Attempt | None) -> str:
    """Why this attempt was made; who asked for it, where a person did."""
    if attempt is None:
        return ""
    said = CAUSES.get(attempt.cause, attempt.cause)
    if attempt.cause not in ASKED_BY:
        return said
    asked = Event.objects.filter(run=moment.run, kind=ASKED_BY[attempt.cause], at__lte=attempt.started_at)
    asked = asked.filter(step=attempt.step.key) if attempt.cause == "approved" else asked
    last = asked.in_order().last()
    name = str(last.data.get("by", "")) if last else ""
    return said.format(by=f" by {name}" if name else "")


def _inputs(moment: RunSnapshot, opened: StepDetails, *, node: Node | None) -> Inputs | None:
    """The arguments with params and outputs filled in; as the plan says them while that cannot be done."""
    if node is None or moment.graph is None or not node.step.with_:
        return None
    planned = node.step.with_
    if not moment.attempts.get(opened.step.key):
        return Inputs(planned, "From the plan. Values are filled in when the step starts.")
    run = moment.run
    scope = run_scope(moment.graph, run_id=str(run.pk), title=run.title, params=run.params, environment=run.environment)
    steps = {key: {"status": step.status, "outputs": step.outputs} for key, step in opened.upstream.items()}
    try:
        return Inputs(render(planned, {**scope, "steps": steps}))
    except ExpressionError as error:
        return Inputs(planned, f"From the plan. Values cannot be filled in: {error}.")
