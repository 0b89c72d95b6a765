"""Driving runs in process, and what must hold of each of them afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection, connections
from django.db.models import Model

from pulser.engine.fold import LoggedEvent, RunState, fold_events
from pulser.kernel.outcomes import AttemptReport
from runs.execution.sweep import sweep
from runs.execution.worker_loop import run_worker_loop
from runs.models import Attempt, Event, Run, Step
from runs.queries.replay.past_run import STEP_FIELDS, load_outputs, read_past_run
from runs.transitions.claim import Claim, Claimant, claim_from_run, start_next_run
from runs.transitions.outcomes import FinishResult, Outcome, Success, finish_attempt
from tests.factories import start

ROUNDS_MAX = 60
WAIT_S = 60.0
T = TypeVar("T")

AHEAD = {"next_attempt_at", "deadline_at"}
ALICE, BOB = Claimant("worker-a", "here"), Claimant("worker-b", "here")


def run_plan(source: str, params: Mapping[str, Any] | None = None, **wanted: Any) -> Run:
    """Start a run of this plan and drive it to its end, or to where a person must decide."""
    return drive(start(source, params=params, **wanted))


def drive(run: Run) -> Run:
    """Work and sweep in this process, with every pause over at once, until the run ends or waits for a person."""
    for _ in range(ROUNDS_MAX):
        run_worker_loop()
        run.refresh_from_db()
        if run.is_finished or waits_for_a_person(run):
            return run
        let_time_pass(run)
        sweep()
    raise AssertionError(f"the run is {run.status} after {ROUNDS_MAX} rounds: {kinds(run)}")


def waits_for_a_person(run: Run) -> bool:
    return run.status == "waiting" and run.steps.exclude(wait_role="").filter(status="waiting").exists()


def let_time_pass(run: Run) -> None:
    """Move the moments that the run's pauses and timers wait for into the past."""
    _execute(
        "UPDATE runs_step SET next_attempt_at = now() - interval '1 s' WHERE run_id = %s AND status = 'backoff'", run
    )
    _execute(
        "UPDATE runs_step SET deadline_at = now() - interval '1 s' WHERE run_id = %s AND status = 'waiting'"
        " AND wait_role = ''",
        run,
    )


def let_deadlines_pass(run: Run) -> None:
    """Those of its approvals, and its own."""
    _execute("UPDATE runs_step SET deadline_at = now() - interval '1 s' WHERE run_id = %s AND status = 'waiting'", run)
    _execute("UPDATE runs_run SET deadline_at = now() - interval '1 s' WHERE id = %s AND deadline_at IS NOT NULL", run)


def let_leases_run_out(run: Run) -> None:
    """As if the workers of its running steps had been silent for too long."""
    _execute(
        "UPDATE runs_attempt a SET lease_expires = now() - interval '1 s' FROM runs_step s"
        " WHERE s.id = a.step_id AND s.run_id = %s AND a.lease_expires IS NOT NULL",
        run,
    )


def _execute(statement: str, run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [run.pk])


def take(run: Run, claimant: Claimant) -> Claim | None:
    """What a worker gets that looks at the run, or at its lane while it is queued."""
    run.refresh_from_db(fields=["status"])
    return start_next_run(run.lane_id, claimant) if run.status == "queued" else claim_from_run(str(run.pk), claimant)


def claimed(run: Run, claimant: Claimant = ALICE) -> Claim:
    """The next step of the run in a worker's hands."""
    claim = take(run, claimant)
    assert claim is not None, f"nothing to claim: {kinds(run)}"
    assert claim.run_id == str(run.pk)
    return claim


def finished(claim: Claim, outcome: Outcome | None = None, **report: Any) -> FinishResult:
    """Report an outcome, success by default, and claim nothing further."""
    return finish_attempt(claim, outcome or Success({}), report=AttemptReport(**report), go_on=False)


def status_of(run: Run) -> str:
    run.refresh_from_db()
    return run.status


def statuses(run: Run) -> dict[str, str]:
    """Step key -> status, in plan order."""
    return dict(run.steps.in_plan_order().values_list("key", "status"))


def step_of(run: Run, key: str) -> Step:
    return run.steps.get(key=key)


def attempts_of(run: Run, key: str) -> list[Attempt]:
    return list(Attempt.objects.filter(step__run=run, step__key=key).order_by("number"))


def kinds(run: Run, *, step: str | None = None) -> list[str]:
    """What the log tells, in order."""
    events = Event.objects.filter(run=run).in_order()
    return list((events.filter(step=step) if step else events).values_list("kind", flat=True))


def event(run: Run, kind: str, *, step: str = "") -> Event:
    """The last event of that kind."""
    found = Event.objects.filter(run=run, kind=kind, step=step).in_order().last()
    assert found is not None, f"no {kind}: {kinds(run)}"
    return found


def log_of(run: Run, key: str) -> bytes:
    """All that the step's latest attempt wrote."""
    return b"".join(bytes(chunk.data) for chunk in attempts_of(run, key)[-1].log.order_by("offset"))


def folded(run: Run) -> RunState:
    events = Event.objects.filter(run=run).in_order()
    return fold_events(LoggedEvent(event.seq, event.kind, event.step, event.attempt, event.data) for event in events)


def assert_log_folds_to_rows(run: Run) -> None:
    """The log is complete and free of gaps: what it tells of the run is what the rows say."""
    run.refresh_from_db()
    state = folded(run)
    assert (state.seq, state.status, state.retry_count) == (run.seq, run.status, run.retry_count)
    assert state.cancel_requested == bool(run.stop)
    assert state.archived == (run.archived_at is not None)
    told = {key: (step.status, step.attempt, step.reason, step.outputs) for key, step in state.steps.items()}
    rows = run.steps.values_list("key", "status", "attempt", "reason", "outputs")
    assert told == {key: tuple(rest) for key, *rest in rows}
    assert run.retry_count == sum(max(attempt - 1, 0) for attempt in run.steps.values_list("attempt", flat=True))
    assert_the_last_moment_is_the_present(run)


def assert_the_last_moment_is_the_present(run: Run) -> None:
    """A replay of the whole log shows what the rows say: of the run, its steps, attempts, verdicts and files."""
    past, brief = read_past_run(run, run.seq), read_past_run(run, run.seq, keys=())
    assert past is not None and brief is not None
    for one, other in zip(brief.steps, past.steps, strict=True):
        assert {name: getattr(one, name) for name in STEP_FIELDS} == {
            name: getattr(other, name) for name in STEP_FIELDS
        }
    assert_same(past.run, run, but={"queued_at", "deadline_at"})
    load_outputs(past, [step.key for step in past.steps])
    for then, now in zip(past.steps, run.steps.in_plan_order(), strict=True):
        assert_same(then, now, but={"open_needs", "budget_from", "lost"})
        for relation in ("attempts", "proofs", "artifacts"):
            shown, stored = list(getattr(then, relation).all()), list(getattr(now, relation).all())
            assert [one.pk for one in shown] == [one.pk for one in stored], relation
            for one, other in zip(shown, stored, strict=True):
                assert_same(one, other)


def assert_same(then: Model, now: Model, *, but: Collection[str] = ()) -> None:
    """Field by field. Tests move moments that lie ahead; what is past may differ by what a statement takes."""
    for field in now._meta.concrete_fields:
        if field.attname in but:
            continue
        was, is_ = getattr(then, field.attname), getattr(now, field.attname)
        if isinstance(was, datetime) and isinstance(is_, datetime):
            assert field.attname in AHEAD or abs((was - is_).total_seconds()) < 1, field.attname
        elif isinstance(was, float) and isinstance(is_, float):
            assert abs(was - is_) < 1, field.attname  # seconds, between moments that were read apart
        else:
            assert was == is_, f"{now._meta.model_name} {now} {field.attname}: {was!r} then, {is_!r} now"


def wait_until(condition: Callable[[], object], *, within_s: float = WAIT_S) -> None:
    """Return as soon as the condition holds; fail when it does not come true in time."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, f"it did not come true within {within_s:g} s"
        time.sleep(0.02)


def together(*calls: Callable[[], T]) -> list[T | BaseException]:
    """Make the calls at the same moment, each on a connection of its own; what each returned or raised."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def call(number: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(WAIT_S)
            results[number] = calls[number]()
        except BaseException as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert not any(thread.is_alive() for thread in threads), "two calls wait for each other"
    return results


def raised(results: Sequence[object], kind: type[BaseException]) -> int:
    """How many of them raised this; any other exception is raised here."""
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, kind):
            raise error
    return len(errors)
