"""The loops of a run: after steps ended, ask the engine what comes next, and carry it out in a store.

There is one driver: workers run it over the database, and the tests over memory, so what they prove is what runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pulser.engine.advance import EndedStep, RunFacts, StepCounts, advance, conclude, has_failed
from pulser.engine.commands import Command, Finish, Refuse, Release, Skip, Wait
from pulser.engine.outcomes import REASON_CHARS, Outcome, Refused, Skipped
from pulser.engine.states import RUN_ENDED, RunStatus, StepStatus
from pulser.engine.store import RunStore
from pulser.engine.times import NOW
from pulser.language.catalogue import ErrorClass
from pulser.language.expressions import ExpressionError, references, render

MOVES_TO_END = {RunStatus.SUCCESS: "succeed", RunStatus.ERROR: "fail", RunStatus.CANCELLED: "cancel"}
Claim = TypeVar("Claim")


def start_steps(store: RunStore) -> None:
    """Judge the steps that need nothing: the run starts, or starts again."""
    ready = store.find_ready() if store.has_started else list(store.graph.roots)
    if ready:
        advance_dependents(store, _judge(store, {}, ready))


def advance_dependents(store: RunStore, ended: Mapping[str, EndedStep], *, ready: Sequence[str] | None = None) -> None:
    """These steps ended: release or skip what was waiting for them, and what follows from the skips.

    `ready`: the steps that have no open need any more, where the caller has counted them already.
    """
    known = dict(ended)
    while ended:
        ready = _meet_needs(store, ended) if ready is None else ready
        if not ready:
            return
        ended, ready = _judge(store, known, ready), None
        known |= ended


def conclude_run(store: RunStore, counts: StepCounts | None = None) -> None:
    """Nothing can be claimed by the caller: let the run wait, clean up, or end, as the engine says.

    `counts`: how the steps stand, where the caller has just counted them.
    """
    while True:
        counts = counts or store.count_steps()
        command = conclude(store.graph, counts, facts=_final_facts(store, counts))
        if not isinstance(command, Skip | Refuse):
            break
        _carry_out(store, [command])
        counts = None
    if isinstance(command, Release):
        _carry_out(store, [command])
        if store.status == RunStatus.WAITING:
            requeue_run(store)
    elif isinstance(command, Wait) and store.status == RunStatus.RUNNING:
        store.move_run("wait", data={}, columns={})
    elif isinstance(command, Finish):
        end_run(store, command)


def claim_or_conclude(
    store: RunStore, claim: Callable[[], Claim | StepCounts | None], *, counts: StepCounts | None = None
) -> Claim | None:
    """The next step for a worker, by `claim`, which says how the steps stand when there is none that it can claim.

    Then the run waits, cleans up, or ends; cleaning up may bring a step. `counts`: how they stand, where the caller
    knows it; it spares the search for a step when none is under way.
    """
    found = claim() if counts is None or counts.busy or store.has_claimable else counts
    if found is not None and not isinstance(found, StepCounts):
        return found
    conclude_run(store, found)
    found = claim() if store.has_claimable else None
    return None if isinstance(found, StepCounts) else found


def continue_run(store: RunStore) -> None:
    """Something of a run has ended or can be claimed: queue for the lane if it waited, or see whether it is over."""
    if not store.has_claimable:
        if store.status not in RUN_ENDED:
            conclude_run(store)
    elif store.status == RunStatus.WAITING:
        requeue_run(store)


def requeue_run(store: RunStore) -> None:
    """A waiting run can go on: it queues for its lane again."""
    store.move_run("resume", data={}, columns={"queued_at": NOW})


def end_run(store: RunStore, command: Finish) -> None:
    """The run is over; a plan's outputs are its result."""
    data: dict[str, Any] = {"reason": command.reason}
    columns: dict[str, Any] = {"finished_at": NOW, "reason": command.reason, "deadline_at": None}
    if command.status == RunStatus.SUCCESS:
        try:
            result = _result(store)
        except ExpressionError as error:
            reason = f"the plan's outputs cannot be rendered: {error}"[:REASON_CHARS]
            return end_run(store, Finish(RunStatus.ERROR, reason))
        data, columns["result"] = {"result": result}, result
    store.move_run(MOVES_TO_END[command.status], data=data, columns=columns)
    return None


def emit_outcome(
    store: RunStore, key: str, *, outcome: Outcome, number: int | None = None, exit_code: int | None = None
) -> None:
    """Say in the log how a step came out."""
    until = store.waits_until(key) if outcome.attempt.waits else ""
    for kind, data in outcome.events(exit_code=exit_code, until=until):
        store.emit(kind, step=key, attempt=number, **data)


def _judge(store: RunStore, known: Mapping[str, EndedStep], ready: Sequence[str]) -> dict[str, EndedStep]:
    """Ask the engine about steps without open needs, and do as it says; returns those that ended by it."""
    return _carry_out(store, advance(store.graph, _facts(store, known, ready), ready=ready))


def _carry_out(store: RunStore, commands: Sequence[Command]) -> dict[str, EndedStep]:
    store.release([command.key for command in commands if isinstance(command, Release)])
    ended: dict[str, EndedStep] = {}
    for command in commands:
        if isinstance(command, Skip | Refuse):
            outcome = _outcome_of(command)
            store.move_steps(outcome.move, [command.key], columns=outcome.columns)
            emit_outcome(store, command.key, outcome=outcome)
            ended[command.key] = outcome.fact or EndedStep(StepStatus.ERROR)
    return ended


def _outcome_of(command: Skip | Refuse) -> Skipped | Refused:
    if isinstance(command, Skip):
        return Skipped(command.cause, command.reason)
    return Refused(ErrorClass.PERMANENT, command.reason)


def _meet_needs(store: RunStore, ended: Mapping[str, EndedStep]) -> Sequence[str]:
    """Count needs as met; returns the steps that have none left open."""
    met = Counter(dependent for key in ended for dependent in store.graph.nodes[key].dependents)
    return store.meet_needs(met) if met else []


def _facts(store: RunStore, known: Mapping[str, EndedStep], ready: Sequence[str]) -> RunFacts:
    """What the engine must know to judge these steps; only what is not known yet is read."""
    nodes = [store.graph.nodes[key] for key in ready]
    needed = {need for node in nodes for need in node.step.needs}
    asked = {key for node in nodes for key in node.asks}
    missing = {key for key in needed if key not in known} | {key for key in asked if not _has_outputs(known.get(key))}
    read = store.read_facts(missing) if missing else {}
    return RunFacts(store.scope, {**known, **read}, store.environment)


def _has_outputs(fact: EndedStep | None) -> bool:
    return fact is not None and (fact.outputs is not None or fact.status != StepStatus.SUCCESS)


def _final_facts(store: RunStore, counts: StepCounts) -> RunFacts:
    """What the engine must know to judge the next `finally` step."""
    asks = store.graph.nodes[counts.next_final].asks if counts.next_final else frozenset()
    facts = store.read_facts(asks) if asks else {}
    failed = has_failed(store.graph, counts.failed, stop=store.stop)
    return RunFacts(store.scope, facts, store.environment, failed)


def _result(store: RunStore) -> dict[str, Any]:
    """The plan's outputs. Raises ExpressionError."""
    wanted = store.graph.plan.outputs
    if not wanted:
        return {}
    asked = references(wanted)
    facts = store.read_facts(asked) if asked else {}
    steps = {key: {"status": fact.status.value, "outputs": fact.outputs} for key, fact in facts.items()}
    return dict(render(wanted, {**store.scope, "steps": steps}))
