"""What of a long log a moment is made from: the fold of it is that of the whole log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulser.engine.outcomes import Success, failure
from pulser.engine.states import STEP_STATUS_TOLD
from pulser.kernel.outcomes import ArtifactFile, StepVerdict, StoredFile
from pulser.language.catalogue import ErrorClass
from runs.commands import approve, archive, cancel, retry, unarchive
from runs.models import Run
from runs.queries.replay.log import read_log
from runs.queries.replay.past_run import STEP_FIELDS, PastRun, read_past_run
from runs.transitions import hand_back, lose_lease, set_progress
from tests.factories import make_actor, start
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import claimed, drive, finished, kinds, let_leases_run_out, run_plan
from tests.runs.transitions.plans import ONE, TWO

pytestmark = pytest.mark.django_db

OLIVIA = make_actor()
REPORT = StoredFile(ArtifactFile("report.txt", "file", "text/plain", 3, "0" * 64), "artifacts/report.txt")
VERDICTS = (
    StepVerdict("exit_code", True, True, "", {}),
    StepVerdict("regex", False, False, "it is not there", {}),
)


def tried_again() -> Run:
    """Progress, files and verdicts, a pause, failures, the button three times, and it is hidden and shown."""
    run = start(TWO)
    for number in range(3):
        claim = claimed(run)
        set_progress(claim, done=number, total=9)
        finished(claim, Success({"n": number}), files=(REPORT,), verdicts=VERDICTS)
        finished(claimed(run), failure(ErrorClass.FAILED, f"exit code {number}"), verdicts=VERDICTS[:1])
        archive(str(run.pk), actor=OLIVIA)
        unarchive(str(run.pk), actor=OLIVIA)
        retry(str(run.pk), actor=OLIVIA, start="first" if number < 2 else None)
    set_progress(claimed(run), done=1, total=2)
    return run


def lost_and_found() -> Run:
    """Its workers vanish or give it up until a person is asked; it is let go on, and cancelled in mid-work."""
    run = start(TWO)
    claimed(run)
    hand_back(str(run.pk), "first", number=1)
    for number in (2, 3, 4):
        claimed(run)
        let_leases_run_out(run)
        lose_lease(str(run.pk), "first", number=number)
    approve(str(run.pk), "first", actor=OLIVIA)
    claim = claimed(run)
    cancel(str(run.pk), actor=OLIVIA)
    finished(claim, Success({}))
    return run


def waited() -> Run:
    """A pause before a retry, a timer, and an approval; a step is skipped."""
    run = run_plan(
        plan(
            shell("shaky", 'test "$PULSER_ATTEMPT" = 2 || exit 3', retry={"max_attempts": 2}),
            {"id": "pause", "uses": "wait", "with": {"duration": "1h"}},
            {"id": "gate", "uses": "approval", "with": {"role": "operator", "message": "Go?"}},
            shell("never", "true", "gate", if_="{{ false }}"),
            finals=(shell("tidy", "true"),),
        )
    )
    approve(str(run.pk), "gate", actor=OLIVIA)
    return drive(run)


def facts(past: PastRun) -> dict[str, Any]:
    """What pages show of every step, the opened ones aside."""
    return {
        step.key: (
            *(getattr(step, name) for name in STEP_FIELDS),
            past.state.steps[step.key].outputs_seq,
            [
                (one.pk, one.started_at, one.finished_at, one.outcome, one.error_message)
                for one in past.attempts[step.key]
                if one.number in (1, step.attempt)
            ],
        )
        for step in past.steps
    }


@pytest.mark.parametrize("story", [tried_again, lost_and_found, waited])
def test_each_moment_is_the_same_without_what_later_events_outdo(story: Callable[[], Run]) -> None:
    run = story()
    run.refresh_from_db()
    assert run.seq > 12
    for seq in range(1, run.seq + 1):
        whole, brief = read_past_run(run, seq), read_past_run(run, seq, keys=())
        assert whole and brief
        assert facts(whole) == facts(brief), seq
        assert whole.files == brief.files
        assert [told for told in whole.told if told.kind.startswith("run.")] == [
            told for told in brief.told if told.kind.startswith("run.")
        ]
        for name in (
            "status",
            "retry_count",
            "reason",
            "stop",
            "queued_at",
            "started_at",
            "finished_at",
            "archived_at",
        ):
            assert getattr(whole.run, name) == getattr(brief.run, name), (seq, name)


def test_a_step_that_is_opened_has_all_its_attempts_and_verdicts() -> None:
    run = tried_again()
    run.refresh_from_db()
    whole, one = read_past_run(run, run.seq), read_past_run(run, run.seq, keys=["first"])
    assert whole and one
    for relation in ("attempts", "proofs", "artifacts"):
        shown, all_ = (list(getattr(past.steps[0], relation).all()) for past in (one, whole))
        assert shown == all_ != []
    assert [attempt.number for attempt in one.attempts["second"]] == [1, 4]


def test_a_waterfall_has_all_attempts_and_suspensions() -> None:
    run = waited()
    whole, long = read_past_run(run, run.seq), read_past_run(run, run.seq, keys=(), is_long=True)
    assert whole and long
    assert (long.told, long.attempts) == (whole.told, whole.attempts)


def test_a_log_that_is_longer_by_retries_gives_no_more_events_of_its_steps() -> None:
    run = tried_again()
    run.refresh_from_db()
    of_steps = [
        entry for entry in read_log(run.pk, run.seq, keys=()) if entry.step and entry.kind != "artifact.created"
    ]
    assert len({(entry.step, entry.kind) for entry in of_steps}) == len(of_steps)
    assert len(read_log(run.pk, run.seq)) == run.seq


def test_what_grows_without_an_event_is_not_told_of_the_past() -> None:
    run = start(ONE)
    claim = claimed(run)
    set_progress(claim, done=1, total=2)
    run.steps.get().attempts.update(log_bytes=7)
    run.refresh_from_db()
    (then,) = read_past_run(run, run.seq - 1, keys=["greet"]).attempts["greet"]  # type: ignore[union-attr]
    (now,) = read_past_run(run, run.seq, keys=["greet"]).attempts["greet"]  # type: ignore[union-attr]
    assert (then.lease_expires, then.log_bytes) == (None, 0)
    assert now.lease_expires and now.log_bytes == 7


def test_these_runs_know_every_word_of_a_step() -> None:
    runs = [story() for story in (tried_again, lost_and_found, waited)]
    assert set(STEP_STATUS_TOLD) <= {kind for run in runs for kind in kinds(run)}
