"""What cannot be undone is called by nobody but the holder of the claim: the fence guards the rows, not the world."""

from __future__ import annotations

import pytest

from pulser.kernel.lease import check_lease
from runs.commands import approve
from runs.execution.execute_claim import execute_claim
from runs.execution.sweep import sweep
from runs.execution.workspace import workspace_of
from runs.transitions.claim import LEASE_S
from tests.factories import make_actor, start
from tests.runs.execution.plans import plan, shell
from tests.runs.execution.reporters import reporter_of
from tests.runs.helpers import (
    BOB,
    assert_log_folds_to_rows,
    claimed,
    kinds,
    let_leases_run_out,
    status_of,
    step_of,
)

pytestmark = pytest.mark.django_db(transaction=True)

SEND = plan(shell("send", "echo sent >> sent", effect="irreversible"))


def test_a_claim_that_reached_its_worker_too_late_is_not_carried_out() -> None:
    run = start(SEND)
    late = claimed(run)  # the database's answer is on its way for longer than a lease
    let_leases_run_out(run)
    sweep()
    approve(str(run.pk), "send", actor=make_actor())
    execute_claim(claimed(run, BOB))

    execute_claim(late)

    assert (workspace_of(str(run.pk)) / "sent").read_text() == "sent\n"
    assert kinds(run)[-1] == "attempt.rejected"
    assert status_of(run) == "success"
    assert_log_folds_to_rows(run)


def test_a_claim_is_asked_for_again_when_the_answer_took_long() -> None:
    """The first answer is true and worth nothing: the lease may have run out since it was given."""
    moments = [0.0, LEASE_S / 2 + 1, 100.0, 100.1]

    check_lease(reporter_of(claimed(start(SEND))), lease_s=LEASE_S, clock=lambda: moments.pop(0))

    assert moments == []


def test_a_step_that_may_be_repeated_is_not_asked_about() -> None:
    run = start(plan(shell("a", "true")))
    late = claimed(run)
    let_leases_run_out(run)

    assert execute_claim(late).accepted  # nobody else took it: its work counts
    assert step_of(run, "a").status == "success"
