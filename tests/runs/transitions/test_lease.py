"""What a worker says while it holds a step."""

from __future__ import annotations

import pytest

from runs.transitions import lose_lease, note_process_group, renew_lease
from tests.factories import start
from tests.runs.helpers import (
    attempts_of,
    claimed,
    let_leases_run_out,
)
from tests.runs.transitions.plans import ONE

pytestmark = pytest.mark.django_db


def test_a_lease_is_renewed_until_it_is_lost() -> None:
    run = start(ONE)
    claim = claimed(run)
    assert renew_lease(claim, lease_s=30.0)
    assert not lose_lease(str(run.pk), "greet", number=claim.number)

    let_leases_run_out(run)
    lose_lease(str(run.pk), "greet", number=claim.number)

    assert not renew_lease(claim, lease_s=30.0)


def test_the_process_group_of_an_attempt_is_remembered() -> None:
    run = start(ONE)
    note_process_group(claimed(run), 4711)

    assert attempts_of(run, "greet")[0].process_group == 4711
