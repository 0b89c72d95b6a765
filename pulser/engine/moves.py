"""What is decided about the steps of a run by a worker's report, its loss, a person, or the clock; over any store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pulser.engine.advance import EndedStep
from pulser.engine.commands import Finish
from pulser.engine.driver import advance_dependents, conclude_run, continue_run, emit_outcome, end_run
from pulser.engine.outcomes import (
    LOST,
    NO_LONGER_WAITING,
    REASON_CHARS,
    AttemptEnd,
    Cancelled,
    Completed,
    Outcome,
    Parked,
    Refused,
)
from pulser.engine.retry import Park, RetryDecision, decide_handed_back, decide_lost, steps_to_retry
from pulser.engine.states import RunStatus
from pulser.engine.store import RunStore
from pulser.engine.times import NOW, Ahead
from pulser.language.catalogue import ErrorClass

FINALLY_S = 300.0  # what is left for `finally` once a run is being ended
LOST_BY = {"lease": "worker lost: its lease expired", "process": "worker lost: its process died"}
STOP_REASONS = {"cancel": "the run was cancelled", "timeout": "the plan timed out"}
HANDED_BACK = "handed_back"


def take_outcome(
    store: RunStore, key: str, *, outcome: Outcome, number: int, close: Callable[[AttemptEnd], None]
) -> Outcome | None:
    """Move the step as the worker of this attempt reports, and `close` the attempt.

    Returns the outcome as it was taken: a run that is being ended starts no pause and asks nobody. None: the fence
    refused it.
    """
    taken = outcome.in_ending_run() if is_ending(store, key) else outcome
    if not store.move_steps(taken.move, [key], columns=taken.columns, fence=number):
        return None
    close(taken.attempt)
    return taken


def is_ending(store: RunStore, key: str) -> bool:
    """Whether the run's early end is about this step: the first request ends main steps, the second all."""
    return store.cancel_count > store.graph.nodes[key].is_finally


def advance_from(store: RunStore, outcomes: Mapping[str, Outcome], *, ready: Sequence[str] | None = None) -> None:
    """Let the run go on from steps that came out so; `ready` as for `advance_dependents`."""
    ended: dict[str, EndedStep] = {key: outcome.fact for key, outcome in outcomes.items() if outcome.fact}
    advance_dependents(store, ended, ready=ready)


def record_lost(store: RunStore, key: str, *, number: int, tries: int, lost: int, how: str) -> None:
    """The worker of this attempt is gone: queue the step again, ask a person, or end it.

    `tries` and `lost` count attempts of the present budget, `lost` without this one. `how`: its `lease` ran out, or
    its `process` was seen to have ended.
    """
    end = AttemptEnd(ErrorClass.LOST.value, ErrorClass.LOST.value, LOST_BY[how])
    worker = _requeue_running(store, "lose", key, number=number, end=end, columns={"lost": lost + 1})
    store.emit("step.lost", step=key, attempt=number, worker=worker, how=how)
    policy = store.graph.retry_of(key)
    then = decide_lost(policy, tries=tries, lost=lost + 1, effect=store.effect_of(key))
    _apply_retry_decision(store, key, number=number, then=then)


def hand_back(store: RunStore, key: str, *, number: int, budget_from: int) -> None:
    """A worker that is told to stop gives up a step in mid-work: another one takes it, or a person is asked.

    The try is no part of the step's budget, which began after attempt `budget_from`.
    """
    end = AttemptEnd(HANDED_BACK, "", "handed back by a stopping worker")
    columns = {"budget_from": budget_from + 1}
    worker = _requeue_running(store, "hand_back", key, number=number, end=end, columns=columns)
    store.emit("step.handed_back", step=key, attempt=number, worker=worker)
    _apply_retry_decision(store, key, number=number, then=decide_handed_back(store.effect_of(key)))


def _requeue_running(
    store: RunStore, name: str, key: str, *, number: int, end: AttemptEnd, columns: Mapping[str, Any]
) -> str:
    """running -> queued, without a word of the worker; returns its name."""
    columns = {"queued_at": NOW, "cause": end.outcome, "reason": "", **columns}
    store.move_steps(name, [key], columns=columns, fence=number)
    return store.end_attempts([key], end).get(key, "")


def _apply_retry_decision(store: RunStore, key: str, *, number: int, then: RetryDecision | Park | None) -> None:
    if is_ending(store, key):
        _end_queued(store, key, outcome=Cancelled())
    elif isinstance(then, Park):
        _park(store, key, number=number, outcome=Parked.because(then.reason))
    elif then is None:
        reason = "worker lost, no attempts left"
        _end_queued(store, key, outcome=Refused(ErrorClass.LOST, reason), number=number)


def _park(store: RunStore, key: str, *, number: int, outcome: Parked) -> None:
    store.move_steps(outcome.move, [key], columns=outcome.columns, fence=number)
    emit_outcome(store, key, outcome=outcome, number=number)
    conclude_run(store)


def _end_queued(store: RunStore, key: str, *, outcome: Outcome, number: int | None = None) -> None:
    """A step whose attempt was taken back ends without another one."""
    store.move_steps(outcome.move, [key], columns=outcome.columns, fence=number)
    emit_outcome(store, key, outcome=outcome, number=number)
    advance_from(store, {key: outcome})
    continue_run(store)


def requeue(store: RunStore, key: str, *, cause: str, **columns: Any) -> bool:
    """backoff | waiting -> queued; a run that waited queues for its lane again. False: the step has moved on."""
    columns = {"queued_at": NOW, "cause": cause, "reason": "", **NO_LONGER_WAITING, **columns}
    if not store.move_steps("requeue", [key], columns=columns):
        return False
    store.emit("step.queued", step=key, cause=cause)
    continue_run(store)
    return True


def approve(store: RunStore, key: str, *, kind: str, by: str, comment: str = "") -> None:
    """Yes to a waiting step: an approval succeeds, one that was parked runs again."""
    if kind == LOST:
        requeue(store, key, cause="approved", lost=0)
    else:
        end_waiting(store, key, outcome=Completed({"decision": "approved", "by": by, "comment": comment}))


def reject(store: RunStore, key: str, *, reason: str, error_class: ErrorClass = ErrorClass.PERMANENT) -> None:
    """No to a waiting step: it ends in error."""
    end_waiting(store, key, outcome=Refused(error_class, reason[:REASON_CHARS]))


def expire(store: RunStore, key: str, *, kind: str, then: str) -> None:
    """The deadline of a waiting step is over: `then` says what happens, `succeed`, `approve` or `reject`."""
    if then == "succeed":
        return end_waiting(store, key, outcome=Completed({}))
    store.emit("approval.expired", step=key, then=then)
    if then == "approve":
        return approve(store, key, kind=kind, by="timeout")
    return reject(store, key, reason="approval timed out", error_class=ErrorClass.TIMEOUT)


def end_waiting(store: RunStore, key: str, *, outcome: Completed | Refused) -> None:
    store.move_steps(outcome.move, [key], columns=outcome.columns)
    store.end_attempts([key], outcome.attempt)
    emit_outcome(store, key, outcome=outcome)
    advance_from(store, {key: outcome})
    continue_run(store)


def end_early(store: RunStore, *, stop: str, by: str) -> None:
    """First call: end the main steps. Second: the `finally` steps as well. `stop`: why, `cancel` or `timeout`.

    What does not run becomes cancelled now; what runs is told to stop by its worker, who sees `cancel_count`.
    """
    stop = store.stop or stop
    count = 2 if store.cancel_count or not store.has_started else 1
    deadline = Ahead(FINALLY_S) if count == 1 else None
    store.change_run(stop=stop, cancel_count=count, cancel_requested_at=NOW, deadline_at=deadline)
    data: dict[str, Any] = {"by": by, "stop": stop, "finally": count == 1}
    store.emit("run.cancel_requested", **data)
    idle, outcome = store.find_idle(), Cancelled(STOP_REASONS[stop])
    if idle:
        store.move_steps(outcome.move, idle, columns=outcome.columns)
        store.end_attempts(idle, outcome.attempt)
    for key in idle:
        emit_outcome(store, key, outcome=outcome)
    continue_run(store)


def cancel_unresponsive(store: RunStore, keys: Collection[str]) -> None:
    """The workers of these running steps do not answer to the run's early end: end the steps without them."""
    outcome = Cancelled("the run was cancelled; the worker did not respond")
    moved = store.move_steps(outcome.move, keys, columns=outcome.columns)
    for step in moved:
        emit_outcome(store, step.key, outcome=outcome, number=step.attempt)
    store.end_attempts(keys, outcome.attempt)
    advance_from(store, dict.fromkeys((step.key for step in moved), outcome))
    continue_run(store)


def abort(store: RunStore, keys: Collection[str], *, reason: str) -> None:
    """End the run in error, and all of these steps that have not ended. Asks for no graph: it may be unreadable."""
    outcome = Cancelled(reason)
    for step in store.move_steps(outcome.move, keys, columns=outcome.columns):
        emit_outcome(store, step.key, outcome=outcome)
    store.end_attempts(keys, outcome.attempt)
    end_run(store, Finish(RunStatus.ERROR, reason))


def retry(store: RunStore, *, by: str, start: str | None = None, **columns: Any) -> None:
    """error | cancelled -> queued: what failed and what follows from it runs again; `start` names one more step.

    `columns`: what else changes of the run. Raises KeyError when the plan has no step `start`.
    """
    keys = steps_to_retry(store.graph, store.read_statuses(), start=start)
    if store.is_archived:
        store.change_run(archived_at=None)
        store.emit("run.unarchived", by=by)
    fresh: dict[str, Any] = {
        "finished_at": None,
        "deadline_at": None,
        "cancel_requested_at": None,
        "stop": "",
        "cancel_count": 0,
    }
    fresh |= {"queued_at": NOW, "reason": "", "result": None}
    store.move_run("retry", data={"by": by, "from": start, "steps": keys}, columns={**fresh, **columns})
    again = set(keys)
    store.reset_steps({key: len(again.intersection(store.graph.nodes[key].step.needs)) for key in keys})
