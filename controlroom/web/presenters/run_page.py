"""What the page of a run shows, from a `RunSnapshot`: for pages, live frames and replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlroom.web.drawing.fan_out import FanOut, fan_outs
from controlroom.web.drawing.plan_graph import GraphDrawing, graph_drawing
from controlroom.web.presenters.waterfall import waterfall
from pulser.engine.causes import FailedStep, StepOutcome, root_failures
from pulser.engine.states import RunStatus, StepStatus
from runs.models import Attempt, Run, Step
from runs.queries.lists.expectations import expected_durations
from runs.queries.run_snapshot import RunSnapshot, graph_if_readable, read_run_snapshot
from runs.queries.waiting_reasons import waiting_reasons_by_run

GRAPH, WATERFALL = "graph", "waterfall"
MAPS = ((GRAPH, "Graph"), (WATERFALL, "Waterfall"))
CHILDREN_SHOWN = 8
FILTERED_FROM = 20  # steps: fewer are seen at a glance

# The status that a fan-out has: the first of these that one of its steps is in.
TELLING = ("error", "running", "waiting", "backoff", "queued", "cancelled", "pending", "skipped", "success")


@dataclass(frozen=True, slots=True)
class FailureCause:
    """A failure as the page tells it: with the attempt that ended it, if one was made."""

    failure: FailedStep
    step: Step
    attempt: Attempt | None


@dataclass(frozen=True, slots=True)
class MapOptions:
    """Which map is shown, and what is unfolded in it."""

    map: str = GRAPH
    unfolded: frozenset[str] = frozenset()
    is_idle_open: bool = False


def read_map_options(asked: Mapping[str, str], moment: RunSnapshot) -> MapOptions:
    """The view that a query asks for; what it does not know is left out."""
    wanted = set(asked.get("unfold", "").split(","))
    known = {fan.key for fan in fan_outs(moment.graph)} if moment.graph and wanted else set()
    chosen = WATERFALL if asked.get("map") == WATERFALL else GRAPH
    return MapOptions(chosen, frozenset(wanted & known), is_idle_open=asked.get("idle") == "open")


def draws_waterfall(asked: Mapping[str, str], run: Run) -> bool:
    """Whether this query shows one: it takes every attempt that was made."""
    graph = graph_if_readable(run.plan_version_id)
    return graph is not None and (asked.get("map") == WATERFALL or len(graph.nodes) < 2)


def run_context(run: Run) -> dict[str, Any]:
    """What the head of a run's page needs, as it is now."""
    return head_context(read_run_snapshot(run, keys=()))


def run_body_context(moment: RunSnapshot, view: MapOptions = MapOptions()) -> dict[str, Any]:
    """All that stands in `#run-body`, but for log, events and artifacts."""
    return {
        **head_context(moment),
        **cause_context(moment),
        **map_context(moment, view),
        "rows": step_rows(moment),
        "tally": _tally(moment),
    }


def head_context(moment: RunSnapshot) -> dict[str, Any]:
    """For `_run_head.html`: the run, its steps with their `open_attempts`, and its family."""
    for step in moment.steps:
        found = moment.attempts.get(step.key, ())
        step.open_attempts = [attempt for attempt in found if attempt.finished_at is None]  # type: ignore[attr-defined]
    born = moment.run.children.all() if moment.at is None else moment.run.children.filter(created_at__lte=moment.now)
    children = list(born.order_by("-created_at").select_related("plan_version__plan")[: CHILDREN_SHOWN + 1])
    return {
        "run": moment.run,
        "steps": moment.steps,
        "at": moment.at,
        "children": children[:CHILDREN_SHOWN],
        "has_more_children": len(children) > CHILDREN_SHOWN,
        **_prospects(moment),
    }


def _prospects(moment: RunSnapshot) -> dict[str, Any]:
    """Why it does not run, and how long it usually does: what only the present has."""
    run = moment.run
    if moment.at is not None or run.is_finished:
        return {"why": None, "expected_s": None}
    plan_id = run.plan_version.plan_id
    expected = expected_durations([plan_id]).get(plan_id) if run.status == RunStatus.RUNNING else None
    return {"why": waiting_reasons_by_run([run], {run.pk: moment.steps}).get(run.pk), "expected_s": expected}


def causes(moment: RunSnapshot) -> list[FailureCause]:
    """The failures that count, the first cause first."""
    if moment.graph is None or not any(step.status == StepStatus.ERROR for step in moment.steps):
        return []
    steps = {step.key: step for step in moment.steps}
    outcomes = {key: StepOutcome(step.status, step.cause) for key, step in steps.items() if key in moment.graph.nodes}
    order = [told.step for told in moment.told if told.kind == "step.failed"]
    found = root_failures(moment.graph, outcomes, order=order)
    return [FailureCause(one, steps[one.key], _last_attempt(moment, one.key)) for one in found]


def _last_attempt(moment: RunSnapshot, key: str) -> Attempt | None:
    found = moment.attempts.get(key, ())
    return found[-1] if found else None


def cause_context(moment: RunSnapshot) -> dict[str, Any]:
    """For `_first_cause.html`."""
    found = causes(moment)
    return {
        "run": moment.run,
        "cause": found[0] if found else None,
        "others": [one for one in found[1:] if one.failure.after is None],
        "later": [one for one in found[1:] if one.failure.after is not None],
        "followed": sum(len(one.failure.skipped) for one in found),
    }


def step_rows(moment: RunSnapshot, keys: Collection[str] | None = None) -> list[dict[str, Any]]:
    """For `_step.html`, of these steps or all, in plan order."""
    found = causes(moment)
    first = found[0].step.key if found else ""
    because = {key: one.step.key for one in found for key in one.failure.skipped}
    return [
        {
            "run": moment.run,
            "step": step,
            "attempts": moment.attempts.get(step.key, ()),
            "at": moment.at,
            "is_first_failure": step.key == first,
            "because": because.get(step.key, ""),
            "is_alone": len(moment.steps) == 1,
        }
        for step in moment.steps
        if keys is None or step.key in keys
    ]


def tally_context(moment: RunSnapshot) -> list[dict[str, Any]]:
    """For `_steps_tally.html`, if the page has one."""
    found = _tally(moment)
    return [{"tally": found, "steps": moment.steps}] if found else []


def _tally(moment: RunSnapshot) -> list[tuple[str, int]]:
    """How many steps are in each status that occurs, the telling ones first; nothing for a few steps."""
    if len(moment.steps) <= FILTERED_FROM:
        return []
    counts = Counter(step.status for step in moment.steps)
    return [(status, counts[status]) for status in TELLING if counts[status]]


def map_context(moment: RunSnapshot, view: MapOptions = MapOptions()) -> dict[str, Any]:
    """For `_map.html`: the graph or the waterfall; neither where a single step was tried once."""
    graph = moment.graph
    tries = sum(len(found) for found in moment.attempts.values())
    if graph is None or (len(graph.nodes) < 2 and tries < 2):
        return {"run": moment.run, "at": moment.at, "map": ""}
    shown = view.map if len(graph.nodes) > 1 else WATERFALL
    known = {"run": moment.run, "at": moment.at, "map": shown, "view": view, "maps": MAPS}
    known["has_graph"] = len(graph.nodes) > 1
    if shown == WATERFALL:
        return {**known, "waterfall": waterfall(moment, is_idle_open=view.is_idle_open)}
    picture = graph_drawing(moment.run.plan_version_id, view.unfolded)
    return {**known, "picture": picture, "nodes": _nodes(moment, picture)}


def _nodes(moment: RunSnapshot, picture: GraphDrawing) -> list[dict[str, Any]]:
    width = picture.node_width
    steps = {step.key: step for step in moment.steps}
    first = _first_of_fans(moment)
    nodes = []
    for box in picture.boxes:
        if box.fan:
            nodes.append({"box": box, **_fan_node(box.fan, steps, first=first, width=width)})
        elif box.key in steps:
            nodes.append({"box": box, **_step_node(moment, steps[box.key], first=first, width=width)})
    return nodes


def _first_of_fans(moment: RunSnapshot) -> str:
    found = causes(moment)
    return found[0].step.key if found else ""


def _step_node(moment: RunSnapshot, step: Step, *, first: str, width: float) -> dict[str, Any]:
    attempts = moment.attempts.get(step.key, ())
    return {"step": step, "attempts": attempts, "is_first_failure": step.key == first, "width": width, "fan": None}


def _fan_node(fan: FanOut, steps: Mapping[str, Step], *, first: str, width: float) -> dict[str, Any]:
    counts = Counter(steps[key].status for key in fan.members if key in steps)
    return {
        "fan": fan,
        "status": next((status for status in TELLING if counts[status]), StepStatus.PENDING.value),
        "counts": [(status, counts[status]) for status in TELLING if counts[status]],
        "is_first_failure": first in fan.members,
        "width": width,
    }


def node_contexts(moment: RunSnapshot, keys: Collection[str]) -> list[tuple[str, dict[str, Any]]]:
    """What `_node.html` needs for each of these steps and for the fan-outs that they are in, with the element's id.

    A page shows either the step or its fan-out: what it does not show is passed over.
    """
    if moment.graph is None or len(moment.graph.nodes) < 2:
        return []
    steps = {step.key: step for step in moment.steps}
    first = _first_of_fans(moment)
    width = graph_drawing(moment.run.plan_version_id).node_width
    touched: Iterable[FanOut] = (fan for fan in fan_outs(moment.graph) if not keys_apart(fan.members, keys))
    wanted: Sequence[Step] = [steps[key] for key in steps if key in keys and key in moment.graph.nodes]
    return [
        *((f"node-{step.key}", _step_node(moment, step, first=first, width=width)) for step in wanted),
        *((f"fan-{fan.key}", _fan_node(fan, steps, first=first, width=width)) for fan in touched),
    ]


def keys_apart(one: Iterable[str], other: Collection[str]) -> bool:
    return not any(key in other for key in one)
