"""After steps ended: ask the engine what comes next, and carry it out within the turn."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pulser.engine.advance import Fact, Facts, Tally, advance, conclude, has_failed
from pulser.engine.commands import Command, Finish, Refuse, Release, Skip, Wait
from pulser.engine.graph import Graph
from pulser.engine.retry import KEEPS_SLOT_S
from pulser.engine.states import RunStatus, StepStatus
from pulser.language.expressions import ExpressionError, references, render
from runs.transitions.turn import NOW, Turn, rows

MOVES_TO_END = {RunStatus.SUCCESS: "succeed", RunStatus.ERROR: "fail", RunStatus.CANCELLED: "cancel"}


def settle(turn: Turn, ended: Mapping[str, Fact], *, ready: list[str] | None = None) -> None:
    """These steps ended: release or skip what was waiting for them, and what follows from the skips.

    `ready`: the steps that have no open need any more, where the caller has counted them already.
    """
    known = dict(ended)
    while ended:
        ready = _satisfy(turn, ended) if ready is None else ready
        if not ready:
            return
        facts = _facts(turn, known, ready)
        ended, ready = apply(turn, advance(turn.graph, facts, ready=ready)), None
        known |= ended


def begin(turn: Turn) -> None:
    """Judge the steps that need nothing: the start of a run, or of its retry."""
    ready = list(turn.graph.roots) if not turn.has_started else _ready_again(turn)
    if ready:
        settle(turn, apply(turn, advance(turn.graph, _facts(turn, {}, ready), ready=ready)))


def close(turn: Turn, tally: Tally | None = None) -> None:
    """Nothing can be claimed by the caller: let the run wait, clean up, or end, as the engine says.

    `tally`: how the steps stand, where the caller has just counted them.
    """
    turn.write_releases()
    while True:
        tally = tally or _tally(turn)
        facts = Facts(_scope(turn), _final_facts(turn, tally), turn.environment, _failed(turn, tally))
        command = conclude(turn.graph, tally, facts=facts)
        if not isinstance(command, Skip | Refuse):
            break
        apply(turn, [command])
        tally = None
    if isinstance(command, Release):
        apply(turn, [command])
        if turn.status == RunStatus.WAITING:
            resume(turn)
    elif isinstance(command, Wait) and turn.status == RunStatus.RUNNING:
        turn.move("wait")
    elif isinstance(command, Finish):
        finish(turn, command)


def resume(turn: Turn) -> None:
    """A waiting run can go on: it queues for its lane again."""
    turn.move("resume", queued_at=NOW)


def finish(turn: Turn, command: Finish) -> None:
    """The run is over; a plan's outputs are its result."""
    said: dict[str, Any] = {"reason": command.reason}
    columns: dict[str, Any] = {"finished_at": NOW, "reason": command.reason, "deadline_at": None}
    if command.status == RunStatus.SUCCESS:
        try:
            result = _result(turn)
        except ExpressionError as error:
            return finish(turn, Finish(RunStatus.ERROR, f"the plan's outputs cannot be made: {error}"[:500]))
        said, columns["result"] = {"result": result}, json.dumps(result)
    turn.move(MOVES_TO_END[command.status], said=said, **columns)
    return None


def apply(turn: Turn, commands: list[Command]) -> dict[str, Fact]:
    """Carry out commands about pending steps; returns those that ended by it."""
    turn.release([command.key for command in commands if isinstance(command, Release)])
    ended: dict[str, Fact] = {}
    for command in commands:
        if isinstance(command, Skip):
            turn.move_steps("skip", [command.key], cause=command.cause, reason=command.reason[:500])
            turn.emit("step.skipped", step=command.key, cause=command.cause, reason=command.reason[:500])
            ended[command.key] = Fact(StepStatus.SKIPPED, command.cause)
        elif isinstance(command, Refuse):
            turn.move_steps("refuse", [command.key], cause="permanent", reason=command.reason[:500])
            turn.emit(
                "step.failed", step=command.key, reason=command.reason[:500], error_class="permanent", exit_code=None
            )
            ended[command.key] = Fact(StepStatus.ERROR)
    return ended


SATISFY = """
UPDATE runs_step AS s SET open_needs = s.open_needs - v.n
FROM unnest(%s::text[], %s::int[]) AS v(key, n)
WHERE s.run_id = %s AND s.key = v.key AND s.status = 'pending' RETURNING s.key, s.open_needs
"""


def _satisfy(turn: Turn, ended: Mapping[str, Fact]) -> list[str]:
    """Count these needs as met; returns the steps that have none left open."""
    met = Counter(dependent for key in ended for dependent in turn.graph.nodes[key].dependents)
    if not met:
        return []
    updated = rows(SATISFY, [list(met), list(met.values()), turn.run_id])
    return [key for key, open_needs in updated if open_needs == 0]


def _ready_again(turn: Turn) -> list[str]:
    found = rows(
        "SELECT key FROM runs_step WHERE run_id = %s AND status = 'pending' AND open_needs = 0 AND NOT is_finally",
        [turn.run_id],
    )
    return [key for (key,) in found]


def _facts(turn: Turn, known: Mapping[str, Fact], ready: list[str]) -> Facts:
    """What the engine must know to judge these steps; only what is not known yet is read."""
    nodes = [turn.graph.nodes[key] for key in ready]
    needed = {need for node in nodes for need in node.step.needs}
    asked = {key for node in nodes for key in node.asks}
    missing = {key for key in needed if key not in known} | {key for key in asked if not _has_outputs(known.get(key))}
    return Facts(_scope(turn), {**known, **read_facts(turn.run_id, missing)}, turn.environment)


def _has_outputs(fact: Fact | None) -> bool:
    return fact is not None and (fact.outputs is not None or fact.status != StepStatus.SUCCESS)


def read_facts(run_id: str, keys: set[str]) -> dict[str, Fact]:
    """How these steps of a run stand, with their outputs."""
    if not keys:
        return {}
    found = rows(
        "SELECT key, status, cause, outputs FROM runs_step WHERE run_id = %s AND key = ANY(%s)", [run_id, list(keys)]
    )
    return {
        key: Fact(StepStatus(status), cause, json.loads(outputs) if outputs is not None else None)
        for key, status, cause, outputs in found
    }


def _scope(turn: Turn) -> dict[str, Any]:
    return run_scope(
        turn.graph,
        run_id=turn.run_id,
        title=turn.title,
        params=turn.params,
        environment=turn.environment,
    )


def run_scope(graph: Graph, *, run_id: str, title: str, params: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """What expressions see beside steps."""
    run = {
        "id": run_id,
        "title": title,
        "environment": environment,
        "plan": graph.plan.slug,
        "version": graph.version,
    }
    return {"params": params, "run": run}


TALLY = """
SELECT count(*) FILTER (WHERE status IN ('queued', 'running')
           OR (status = 'backoff' AND next_attempt_at <= clock_timestamp() + %s * interval '1 second')),
       count(*) FILTER (WHERE status = 'waiting'
           OR (status = 'backoff' AND next_attempt_at > clock_timestamp() + %s * interval '1 second')),
       count(*) FILTER (WHERE status = 'pending' AND NOT is_finally),
       (array_agg(key ORDER BY position) FILTER (WHERE status = 'pending' AND is_finally))[1],
       coalesce(array_agg(key) FILTER (WHERE status = 'error'), ARRAY[]::text[])
FROM runs_step WHERE run_id = %s
"""


def tally_values(run_id: str) -> list[Any]:
    """The arguments of TALLY."""
    return [KEEPS_SLOT_S, KEEPS_SLOT_S, run_id]


def read_tally(turn: Turn, row: tuple[Any, ...]) -> Tally:
    """A row of TALLY."""
    busy, paused, pending, next_final, failed = row
    return Tally(busy, paused, pending, next_final, tuple(failed), turn.stop)


def _tally(turn: Turn) -> Tally:
    (found,) = rows(TALLY, tally_values(turn.run_id))
    return read_tally(turn, found)


def _failed(turn: Turn, tally: Tally) -> bool:
    return has_failed(turn.graph, tally.failed, stop=turn.stop)


def _final_facts(turn: Turn, tally: Tally) -> dict[str, Fact]:
    if tally.next_final is None:
        return {}
    return read_facts(turn.run_id, set(turn.graph.nodes[tally.next_final].asks))


def _result(turn: Turn) -> dict[str, Any]:
    """The plan's outputs. Raises ExpressionError."""
    wanted = turn.graph.plan.outputs
    if not wanted:
        return {}
    facts = read_facts(turn.run_id, set(references(wanted)))
    steps = {key: {"status": fact.status.value, "outputs": fact.outputs} for key, fact in facts.items()}
    result = render(wanted, {**_scope(turn), "steps": steps})
    return dict(result)
