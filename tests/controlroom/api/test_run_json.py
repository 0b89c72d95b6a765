"""A run has one shape: as it is read, as it is listed, as it was just made, and as the schema says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlroom.api.run_json import RUN_FIELDS, STEP_FIELDS, new_run, run_json, run_summary
from controlroom.api.schemas import RunOut, RunSummary, StepOut
from runs.errors import NotFound
from runs.models import Run
from tests.factories import make_actor, make_run, start


def test_the_schema_has_the_fields_of_the_shape() -> None:
    assert [field.name for field in RUN_FIELDS] == list(RunSummary.model_fields)
    assert [name for name, _, _ in STEP_FIELDS] == list(StepOut.model_fields)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["queued", "running", "success"])
def test_a_list_says_of_a_run_what_reading_it_says(status: str) -> None:
    run = Run.objects.with_context().get(pk=make_run(status=status).pk)
    read = json.loads(run_json(str(run.pk), actor=make_actor("viewer")))
    assert list(read.items()) == [*run_summary(run).items(), ("steps", read["steps"])]
    assert RunOut.model_validate(read).status == status


@pytest.mark.django_db
def test_a_new_run_is_told_as_it_is_read() -> None:
    run = start()
    read = json.loads(run_json(str(run.pk), actor=make_actor()))
    keys = [step["id"] for step in read["steps"]]
    assert json.dumps(new_run(run, keys)) == json.dumps(read)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["", "stranger"])
def test_who_may_see_nothing_reads_no_run(role: Any) -> None:
    run = start()
    with pytest.raises(NotFound):
        run_json(str(run.pk), actor=make_actor(role))
