"""What the database itself refuses, whoever asks: each constraint by its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from pulser.models import PlanVersion
from runs.models import Artifact, Attempt, Event, Lane, LogChunk, Proof, Run, Session, Step
from tests.factories import start
from tests.runs.transitions.plans import ONE

pytestmark = pytest.mark.django_db
Act = Callable[[Run, Step], object]


def _run(**columns: object) -> Act:
    return lambda run, step: Run.objects.filter(pk=run.pk).update(**columns)


def _step(**columns: object) -> Act:
    return lambda run, step: Step.objects.filter(pk=step.pk).update(**columns)


def _attempts(*numbers: int, **fields: object) -> Act:
    def make(run: Run, step: Step) -> None:
        for number in numbers:
            Attempt.objects.create(step=step, number=number, started_at=timezone.now(), **fields)

    return make


def _twice(make: Act) -> Act:
    def both(run: Run, step: Step) -> None:
        make(run, step)
        make(run, step)

    return both


def _same_key(run: Run, step: Step) -> None:
    other = start(ONE)
    Run.objects.filter(pk__in=[run.pk, other.pk]).update(idempotency_scope="api", idempotency_key="k")


def _chunk(run: Run, step: Step) -> None:
    attempt, _ = Attempt.objects.get_or_create(step=step, number=1, defaults={"started_at": timezone.now()})
    LogChunk.objects.create(attempt=attempt, offset=0, stream="stdout", data=b"x", at=timezone.now())


def _version(number: int) -> Act:
    def make(run: Run, step: Step) -> None:
        PlanVersion.objects.create(plan=run.plan_version.plan, number=number, source="", document={}, digest="")

    return make


REFUSED: list[tuple[str, Act]] = [
    ("run_ended_has_a_time", _run(status="success")),
    ("run_ended_has_a_time", _run(finished_at=timezone.now())),
    ("run_archived_only_when_ended", _run(archived_at=timezone.now())),
    ("run_running_was_started", _run(status="running")),
    ("run_once_per_idempotency_key", _same_key),
    ("step_key_once_per_run", lambda run, step: Step.objects.create(run=run, key=step.key, position=9)),
    ("step_running_has_an_attempt", _step(status="running", attempt=0)),
    ("step_backoff_has_a_time", _step(status="backoff")),
    ("step_waiting_has_a_deadline", _step(status="waiting")),
    ("step_queued_has_a_time", _step(status="queued", queued_at=None)),
    ("attempt_number_once_per_step", _attempts(1, 1, finished_at=timezone.now())),
    ("attempt_open_once_per_step", _attempts(1, 2)),
    ("log_offset_once_per_attempt", _twice(_chunk)),
    (
        "artifact_once_per_attempt",
        _twice(lambda run, step: Artifact.objects.create(run=run, step=step, attempt=1, name="a", size=1, sha256="")),
    ),
    (
        "proof_once_per_verifier_and_attempt",
        _twice(lambda run, step: Proof.objects.create(step=step, attempt=1, position=0, verifier="v", passed=True)),
    ),
    ("lane_limit_from_one", lambda run, step: Lane.objects.filter(pk=run.lane_id).update(limit=0)),
    ("lane_has_a_name", lambda run, step: Lane.objects.create(name="")),
    ("session_has_a_name", lambda run, step: Session.objects.create(name="")),
    ("version_number_once_per_plan", _version(1)),
    ("version_numbers_from_one", _version(0)),
    ("runs_event_pkey", lambda run, step: Event.objects.create(run=run, seq=1, kind="x", at=timezone.now())),
]


@pytest.mark.parametrize(("name", "act"), REFUSED)
def test_the_database_refuses(name: str, act: Act) -> None:
    run = start(ONE)

    with pytest.raises(IntegrityError, match=f'"{name}"'), transaction.atomic():
        act(run, run.steps.get())


def test_every_named_constraint_has_its_test() -> None:
    models = (Run, Step, Attempt, LogChunk, Artifact, Proof, Lane, Session, PlanVersion)
    named = {constraint.name for model in models for constraint in model._meta.constraints}

    assert named <= {name for name, _ in REFUSED}
