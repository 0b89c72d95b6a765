from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import Run
from runs.queries.related import newest_of_plan, success_before
from tests.factories import make_actor, make_plan, make_run

pytestmark = pytest.mark.django_db

SOURCE = "pulser: 1\nslug: many\ntitle: V{}\nsteps:\n  - {{id: one, uses: shell, with: {{run: 'true'}}}}\n"
VIEWER = make_actor("viewer")


def runs_of(versions: int, *, each: int, status: str = "success") -> list[Run]:
    """Runs of versions in turn, the oldest first."""
    known = [make_plan(SOURCE.format(number)) for number in range(versions)]
    found = [make_run(version=known[number % versions], status=status) for number in range(versions * each)]
    for age, run in enumerate(reversed(found)):
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=age))
    return list(Run.objects.order_by("created_at"))


def test_the_newest_runs_of_a_plan_are_of_any_version() -> None:
    runs = runs_of(8, each=10)
    make_run()
    found = newest_of_plan(VIEWER, runs[0].plan_version.plan_id, most=30)
    assert list(found) == runs[::-1][:30]


def test_the_success_before_a_run_is_of_any_version() -> None:
    runs = runs_of(3, each=2)
    Run.objects.filter(pk__in=[runs[3].pk, runs[4].pk]).update(status="error")
    assert success_before(VIEWER, runs[5]) == runs[2]
    assert success_before(VIEWER, runs[0]) is None


def test_a_stranger_has_no_kin() -> None:
    (run,) = runs_of(1, each=1)
    assert list(newest_of_plan(make_actor(""), run.plan_version.plan_id, most=5)) == []
