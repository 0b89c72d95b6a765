"""A run as of each of its events. That the last of them is the present is asserted by `assert_log_folds_to_rows`."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from pytest_django import DjangoAssertNumQueries

from pulser.engine.outcomes import Success, failure
from pulser.kernel.outcomes import ArtifactFile, StepVerdict, StoredFile
from pulser.language.catalogue import ErrorClass
from runs.commands import archive, retry
from runs.models import Artifact, Run
from runs.queries.replay.past_run import PastRun, past_step_details, read_past_run
from tests.factories import make_actor, start
from tests.runs.helpers import claimed, event, finished, kinds
from tests.runs.transitions.plans import GATE, TWO

pytestmark = pytest.mark.django_db

OLIVIA = make_actor()
REPORT = StoredFile(ArtifactFile("report.txt", "file", "text/plain", 3, "0" * 64), "artifacts/report.txt")
GOOD = StepVerdict("exit_code", True, True, "", {})


def story() -> Run:
    """The first step fails, is tried again by the button and succeeds; the second follows it. Then it is archived."""
    run = start(TWO)
    finished(claimed(run), failure(ErrorClass.FAILED, "exit code 3"), exit_code=3)
    retry(str(run.pk), actor=OLIVIA)
    finished(claimed(run), Success({"n": 1}), files=(REPORT,), verdicts=(GOOD,), exit_code=0)
    finished(claimed(run), Success({"n": 2}))
    archive(str(run.pk), actor=OLIVIA)
    run.refresh_from_db()
    return run


def at(run: Run, kind: str, *, step: str = "", nth: int = 0) -> PastRun:
    """The run as of an event of that kind."""
    seq = list(run.events.filter(kind=kind, step=step).order_by("seq").values_list("seq", flat=True))[nth]
    past = read_past_run(run, seq)
    assert past is not None
    return past


def words(past: PastRun) -> list[str]:
    return [past.run.status, *(step.status for step in past.steps)]


def test_each_event_shows_the_run_and_its_steps_as_they_were() -> None:
    run = story()

    assert words(at(run, "run.queued")) == ["queued", "pending", "pending"]
    assert words(at(run, "step.claimed", step="first")) == ["running", "running", "pending"]
    assert words(at(run, "step.failed", step="first")) == ["running", "error", "pending"]
    assert words(at(run, "run.failed")) == ["error", "error", "skipped"]
    assert words(at(run, "run.retried")) == ["queued", "pending", "pending"]
    assert words(at(run, "step.claimed", step="first", nth=1)) == ["running", "running", "pending"]
    assert words(at(run, "run.succeeded")) == ["success", "success", "success"]


def test_a_run_has_rested_as_much_as_by_then() -> None:
    run = story()
    run.events.filter(kind="run.failed").update(at=F("at") - timedelta(seconds=60))
    assert at(run, "run.failed").run.rested_s == 0
    assert 60 <= at(run, "run.succeeded").run.rested_s < 65


def test_the_run_has_the_times_and_words_of_then() -> None:
    run = story()
    failed, again, ended = at(run, "run.failed").run, at(run, "run.retried").run, at(run, "run.succeeded").run

    assert at(run, "run.queued").run.started_at is None
    assert (failed.reason, failed.finished_at) == ("first failed", event(run, "run.failed").at)
    assert (again.reason, again.finished_at, again.started_at) == ("", None, run.started_at)
    assert (again.retry_count, ended.retry_count) == (0, 1)
    assert (ended.archived_at, at(run, "run.archived").run.archived_at is None) == (None, False)
    assert run.status == "success", "the run itself is as it was"


def test_an_attempt_that_had_not_ended_tells_nothing_of_its_end() -> None:
    run = story()
    (open_,) = at(run, "step.claimed", step="first").steps[0].attempts.all()
    (ended,) = at(run, "run.retried").steps[0].attempts.all()

    assert (open_.finished_at, open_.outcome, open_.exit_code, open_.error_message) == (None, "", None, "")
    assert (ended.outcome, ended.exit_code) == ("error", 3)
    assert len(at(run, "run.succeeded").steps[0].attempts.all()) == 2


def test_verdicts_and_files_appear_when_they_were_told() -> None:
    run = story()
    before, kept = at(run, "step.claimed", step="first", nth=1), at(run, "artifact.created", step="first")

    assert (before.files, list(before.steps[0].proofs.all())) == ((), [])
    assert kept.files == (Artifact.objects.get(),)
    assert list(kept.steps[0].proofs.all()) == []
    assert len(at(run, "proof.recorded", step="first").steps[0].proofs.all()) == 1


def test_outputs_are_those_of_then() -> None:
    run = story()
    during, after = at(run, "step.claimed", step="first", nth=1), at(run, "run.succeeded")

    assert [past_step_details(past, "first").step.outputs for past in (during, after)] == [None, {"n": 1}]
    assert past_step_details(after, "nothing") is None


def test_a_step_that_waited_says_for_whom_until_when() -> None:
    from runs.commands import approve
    from tests.runs.helpers import run_plan

    run = run_plan(GATE)
    approve(str(run.pk), "gate", actor=OLIVIA)
    run.refresh_from_db()
    gate = at(run, "approval.requested", step="gate").steps[0]
    after = at(run, "step.succeeded", step="gate").steps[0]

    assert (gate.status, gate.wait_role, gate.wait_message, gate.on_timeout) == ("waiting", "operator", "Go?", "reject")
    assert gate.deadline_at and gate.deadline_at > gate.run.created_at
    assert (after.status, after.wait_role, after.deadline_at) == ("success", "", None)


@pytest.mark.parametrize("seq", [0, -1, 999])
def test_an_event_that_is_not_there_has_no_moment(seq: int) -> None:
    assert read_past_run(start(TWO), seq) is None


def test_a_moment_takes_a_few_queries_however_long_the_log(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    run = story()
    last = len(kinds(run))

    for seq in (3, last):
        with django_assert_max_num_queries(6):
            read_past_run(run, seq)
