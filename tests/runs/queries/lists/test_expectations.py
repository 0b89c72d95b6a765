"""How long a run is expected to take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries as Queries

from pulser.models import PlanVersion
from runs.models import Run
from runs.queries.lists import expectations
from runs.queries.lists.expectations import expected_durations, forget
from tests.factories import make_plan, make_run

pytestmark = pytest.mark.django_db

PLAN = "pulser: 1\nslug: paint\nsteps: [{{id: {step}, uses: shell, with: {{run: 'true'}}}}]"


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    forget()
    yield
    forget()


def took(version: PlanVersion, *seconds: float, status: str = "success") -> None:
    for one in seconds:
        now = timezone.now()
        make_run(version=version, status=status, started_at=now - timedelta(seconds=one), finished_at=now)


def test_it_is_the_median_of_the_successful_runs() -> None:
    version = make_plan()
    took(version, 10, 100, 12)
    took(version, 1, 1, 1, 1, status="error")
    assert expected_durations([version.plan_id]) == {version.plan_id: pytest.approx(12)}


def test_only_the_last_ones_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "RUNS_LOOKED_AT", 3)
    version = make_plan()
    took(version, 900, 900, 900, 900, 5, 6, 7)
    assert expected_durations([version.plan_id]) == {version.plan_id: pytest.approx(6)}


def test_all_versions_of_a_plan_count() -> None:
    old, new = make_plan(PLAN.format(step="a")), make_plan(PLAN.format(step="b"))
    took(old, 10, 20)
    took(new, 30)
    assert expected_durations([old.plan_id]) == {old.plan_id: pytest.approx(20)}


def test_a_plan_that_never_succeeded_has_none() -> None:
    version = make_plan()
    took(version, 3, status="error")
    assert expected_durations([version.plan_id, 12345]) == {}


def test_all_plans_are_measured_in_one_query_and_kept_for_a_while(django_assert_num_queries: Queries) -> None:
    versions = [make_plan(), make_plan()]
    for version in versions:
        took(version, 4)
    plans = {version.plan_id for version in versions}
    with django_assert_num_queries(1):
        assert expected_durations(plans) == expected_durations(plans) == dict.fromkeys(plans, pytest.approx(4))


def test_after_a_while_they_are_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    version = make_plan()
    took(version, 4)
    monkeypatch.setattr(expectations, "KEPT_S", 0.0)
    assert expected_durations([version.plan_id])
    Run.objects.all().delete()
    assert expected_durations([version.plan_id]) == {}


def test_the_time_between_an_end_and_a_retry_does_not_count() -> None:
    version = make_plan()
    took(version, 430)
    Run.objects.update(rested_s=420)
    assert expected_durations([version.plan_id]) == {version.plan_id: pytest.approx(10)}
