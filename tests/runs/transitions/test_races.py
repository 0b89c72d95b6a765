"""Two at once, on committed data: one wins, the others are told, and the log stays whole."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from django.db import connections, transaction

from pulser.language.catalogue import ErrorClass
from runs.commands import approve, cancel, reject, retry
from runs.commands.start import Idempotency, StartResult, start_run
from runs.errors import MoveRefused
from runs.execution.sweep import sweep
from runs.models import Event, Lane, Run
from runs.sql import rows
from runs.transitions import claim_any, lose_lease
from runs.transitions.claim import Claim, Claimant
from runs.transitions.outcomes import Success, Suspended, failure, finish_attempt
from tests.factories import make_actor, make_lane, make_plan, make_session, start
from tests.runs.helpers import (
    ALICE,
    BOB,
    WAIT_S,
    assert_log_folds_to_rows,
    attempts_of,
    claimed,
    finished,
    kinds,
    let_leases_run_out,
    raised,
    status_of,
    statuses,
    take,
    together,
    wait_until,
)
from tests.runs.transitions.plans import GATE, JOIN, ONE, TWO, fan

pytestmark = pytest.mark.django_db(transaction=True)
OLIVIA = make_actor()
REPEATS = 5  # a race that is lost once in a while should be seen here


def _claims(results: list[Claim | BaseException | None]) -> list[Claim]:
    raised(results, ())
    return [result for result in results if isinstance(result, Claim)]


def test_one_step_is_claimed_by_one_of_many_workers() -> None:
    run = start(ONE)

    claims = _claims(together(*[partial(take, run, Claimant(f"w{n}", "here")) for n in range(6)]))

    assert len(claims) == 1
    assert len(attempts_of(run, "greet")) == 1
    assert_log_folds_to_rows(run)


def test_two_steps_are_claimed_by_two_of_many_workers() -> None:
    run = start(fan(3))
    claimed(run)

    claims = _claims(together(*[partial(take, run, Claimant(f"w{n}", "here")) for n in range(6)]))

    assert sorted(claim.key for claim in claims) == ["s1", "s2"]
    assert_log_folds_to_rows(run)


def test_a_result_that_is_reported_twice_counts_once() -> None:
    run = start(ONE)
    claim = claimed(run)

    results = together(lambda: finished(claim), lambda: finished(claim))

    assert raised(results, ()) == 0
    assert kinds(run, step="greet").count("step.succeeded") == 1
    assert kinds(run, step="greet").count("attempt.rejected") == 1
    assert_log_folds_to_rows(run)


@pytest.mark.parametrize("_time", range(REPEATS))
def test_a_join_is_released_once_when_its_last_two_needs_end_together(_time: int) -> None:
    run = start(JOIN)
    left, right = claimed(run, ALICE), claimed(run, BOB)

    results = together(lambda: finish_attempt(left, Success({})).next, lambda: finish_attempt(right, Success({})).next)

    assert [claim.key for claim in _claims(results)] == ["both"]
    assert kinds(run, step="both") == ["step.queued", "step.claimed"]
    assert_log_folds_to_rows(run)


@pytest.mark.parametrize("_time", range(REPEATS))
def test_yes_and_no_at_once_is_one_of_them(_time: int) -> None:
    run = start(GATE)
    finished(claimed(run), Suspended("approval", "reject", for_s=60.0, role="operator"))

    results = together(
        lambda: approve(str(run.pk), "gate", actor=OLIVIA), lambda: reject(str(run.pk), "gate", actor=OLIVIA)
    )

    assert raised(results, MoveRefused) == 1
    assert statuses(run)["gate"] in ("success", "error")
    assert_log_folds_to_rows(run)


@pytest.mark.parametrize("_time", range(REPEATS))
def test_a_cancel_and_a_result_at_once_both_count(_time: int) -> None:
    run = start(TWO)
    claim = claimed(run)

    results = together(
        lambda: cancel(str(run.pk), actor=OLIVIA), lambda: finish_attempt(claim, Success({}), go_on=False)
    )

    assert raised(results, ()) == 0
    assert status_of(run) == "cancelled"
    assert statuses(run) == {"first": "success", "second": "cancelled"}
    assert_log_folds_to_rows(run)


def test_a_button_that_is_pressed_twice_retries_once() -> None:
    run = start(ONE)
    finished(claimed(run), failure(ErrorClass.FAILED, "no"))

    results = together(*[lambda: retry(str(run.pk), actor=OLIVIA)] * 4)

    assert raised(results, MoveRefused) == 3
    assert kinds(run).count("run.retried") == 1
    assert_log_folds_to_rows(run)


@pytest.mark.parametrize("_time", range(REPEATS))
def test_a_result_in_the_last_moment_of_a_lease_is_either_taken_or_lost(_time: int) -> None:
    run = start(ONE)
    claim = claimed(run)
    let_leases_run_out(run)

    results = together(lambda: finished(claim).accepted, lambda: lose_lease(str(run.pk), "greet", number=claim.number))

    assert sorted(map(bool, results)) == [False, True]
    assert statuses(run)["greet"] in ("success", "queued")
    assert_log_folds_to_rows(run)


def test_two_sweepers_at_once_rescue_each_step_once() -> None:
    run = start(JOIN)
    claimed(run), claimed(run)
    let_leases_run_out(run)

    raised(together(sweep, sweep), ())
    raised(
        together(*[partial(lose_lease, str(run.pk), key, number=1) for key in ("left", "right", "left", "right")]), ()
    )

    assert kinds(run).count("step.lost") == 2
    assert_log_folds_to_rows(run)


def test_one_key_starts_one_run_however_many_ask() -> None:
    version, lane, session = make_plan(ONE), make_lane(), make_session()
    key = Idempotency.of("api", "key-1", b"{}")

    def ask() -> StartResult:
        return start_run(version, params={}, actor=OLIVIA, trigger="api", lane=lane, session=session, idempotency=key)

    results = together(*[ask] * 6)

    assert raised(results, ()) == 0
    assert sorted(result.created for result in results) == [False] * 5 + [True]
    assert len({result.run.pk for result in results}) == 1
    assert Run.objects.count() == 1


def test_a_lane_never_runs_more_than_its_limit() -> None:
    lane = make_lane("B", limit=3)
    runs = [start(ONE, lane=lane) for _ in range(15)]

    claims = _claims(together(*[partial(take, run, Claimant("w", "here")) for run in runs[:8]]))

    assert len(claims) == 3
    assert Run.objects.filter(lane=lane, status="running").count() == 3


def test_a_lane_stays_within_its_limit_while_runs_come_and_go() -> None:
    lane = make_lane("B", limit=2)
    runs = [start(TWO, lane=lane) for _ in range(12)]
    seen: list[int] = []

    def work(number: int) -> int:
        """As a worker does: take what there is, finish it, go straight on."""
        done = 0
        claim = take(runs[number], Claimant(f"w{number}", "here"))
        while claim is not None:
            seen.append(Run.objects.filter(lane=lane, status="running").count())
            following = finish_attempt(claim, Success({})).next
            claim = following or claim_any(Claimant(f"w{number}", "here"))
            done += 1
        return done

    raised(together(*[partial(work, number) for number in range(6)]), ())
    for run in runs:
        while claim := take(run, ALICE):
            finish_attempt(claim, Success({}), go_on=False)

    assert max(seen) <= 2
    assert {status_of(run) for run in runs} == {"success"}
    for run in runs:
        assert_log_folds_to_rows(run)


def test_a_lane_that_is_paused_while_workers_come_starts_nothing_more() -> None:
    lane = make_lane("B", limit=10)
    runs = [start(ONE, lane=lane) for _ in range(4)]
    Lane.objects.filter(pk=lane.pk).update(paused=True)

    assert _claims(together(*[partial(take, run, ALICE) for run in runs])) == []
    assert {status_of(run) for run in runs} == {"queued"}


def test_many_at_once_leave_a_log_without_gaps() -> None:
    run = start(fan(12))
    claims = [claimed(run) for _ in range(12)]

    raised(together(*[partial(finished, claim) for claim in claims]), ())

    assert status_of(run) == "success"
    seqs = Event.objects.filter(run=run).in_order().values_list("seq", flat=True)
    assert list(seqs) == list(range(1, run.seq + 1))
    assert_log_folds_to_rows(run)


BESIDE_A_GATE = GATE + '  - {id: work, uses: shell, with: {run: "true"}}\n'


def test_a_success_that_waited_for_its_run_knows_what_changed_meanwhile() -> None:
    run = start(BESIDE_A_GATE)
    gate, work = claimed(run), claimed(run)
    finish_attempt(gate, Suspended(kind="approval", on_timeout="reject", role="operator"), go_on=False)
    following: list[Claim | None] = []

    def finish() -> None:
        following.append(finish_attempt(work, Success({})).next)
        connections.close_all()

    thread = threading.Thread(target=finish)
    with transaction.atomic():
        approve(str(run.pk), "gate", actor=OLIVIA)  # the run's lock is ours until we commit
        thread.start()
        wait_until(lambda: rows("SELECT 1 FROM pg_locks WHERE NOT granted", []))
    thread.join(WAIT_S)

    assert [claim and claim.key for claim in following] == ["deploy"]
    assert status_of(run) == "running"
    assert_log_folds_to_rows(run)
