"""What is old goes for good, whole and in bounded batches; everything else stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session as SignIn
from django.db import connection
from django.utils import timezone

from runs.commands import retry
from runs.models import Artifact, Attempt, Delivery, Event, Hook, LogChunk, Proof, Run, Step
from runs.retention import pruning
from runs.retention.folders import TRASH
from runs.retention.pruning import OF_RUNS, artifacts_root, moment_before, prune
from runs.transitions.locked_run import lock_run
from tests.factories import make_actor, make_run
from tests.runs.execution.plans import plan, shell
from tests.runs.helpers import raised, run_plan, together
from tests.runs.retention.helpers import DAY_S, ended, grow_old, pruned

pytestmark = pytest.mark.django_db

BUSY = plan(
    shell(
        "a",
        "echo said; echo kept > report.txt",
        artifacts=[{"path": "report.txt", "kind": "file"}],
        verify=[{"exit_code": 0}],
    )
)
OWN = (Run, Step, Attempt, LogChunk, Event, Artifact, Proof, Delivery)


def make_delivery(run: Run | None = None, *, days_ago: float = 0.0) -> Delivery:
    hook, _ = Hook.objects.get_or_create(slug="door", defaults={"plan": make_run().plan_version.plan})
    delivery = Delivery.objects.create(hook=hook, run=run, body=b"{}", status=202)
    Delivery.objects.filter(pk=delivery.pk).update(received_at=timezone.now() - timedelta(days=days_ago))
    return delivery


def test_a_run_that_ended_long_ago_goes_with_all_that_is_its_own() -> None:
    run = grow_old(run_plan(BUSY), 100)
    make_delivery(run)
    assert (artifacts_root() / str(run.pk)).exists()
    Run.objects.exclude(pk=run.pk).delete()

    gone = pruned(90)

    assert {name: gone[name].rows for name in OF_RUNS} == {
        "log": 1,
        "attempts": 1,
        "proofs": 1,
        "artifacts": 1,
        "steps": 1,
        "events": run.seq,
        "deliveries": 1,
        "runs": 1,
    }
    assert gone["artifacts"].bytes == len("kept\n")
    assert [model.__name__ for model in OWN if model.objects.exists()] == []
    assert list(artifacts_root().glob("**/*.txt")) == []


def test_what_ended_since_stays_as_it_is() -> None:
    run = grow_old(run_plan(BUSY), 89)
    assert pruned(90) == {}
    assert Run.objects.filter(pk=run.pk).exists()
    assert (artifacts_root() / str(run.pk)).exists()


@pytest.mark.parametrize("status", ["queued", "running", "waiting"])
def test_what_has_not_ended_never_goes(status: str) -> None:
    run = grow_old(make_run(status=status), 1000)
    assert pruned(0) == {}
    assert Run.objects.filter(pk=run.pk).exists()


@pytest.mark.parametrize("status", ["success", "error", "cancelled"])
def test_archived_or_not_is_all_the_same(status: str) -> None:
    ended(100, status=status)
    ended(100, status=status, archived_at=timezone.now())
    assert pruned(90)["runs"].rows == 2


def test_a_kept_run_forgets_the_parent_that_went() -> None:
    parent = ended(100)
    child = make_run(parent=parent)
    assert pruned(90)["runs"].rows == 1
    child.refresh_from_db()
    assert child.parent is None


def test_a_parent_goes_together_with_its_child() -> None:
    parent = ended(101)
    ended(100, parent=parent)
    assert pruned(90)["runs"].rows == 2


def test_a_run_stays_as_long_as_its_idempotency_key_is_held() -> None:
    run = ended(2, idempotency_scope="hook:door", idempotency_key="once")
    assert pruned(1) == {}
    grow_old(run, 7)
    assert pruned(1)["runs"].rows == 1


def test_deliveries_without_a_run_go_by_their_own_age() -> None:
    old, young = make_delivery(days_ago=91), make_delivery(days_ago=89)
    assert pruned(90)["deliveries"].rows == 1
    assert list(Delivery.objects.filter(pk__in=[old.pk, young.pk])) == [young]


def test_sign_ins_that_ran_out_go_too() -> None:
    SignIn.objects.create(session_key="old", expire_date=timezone.now() - timedelta(days=91))
    SignIn.objects.create(session_key="young", expire_date=timezone.now() - timedelta(days=89))
    assert pruned(90)["sign-ins"].rows == 1
    assert SignIn.objects.get().pk == "young"


def test_a_dry_run_counts_the_same_and_changes_nothing() -> None:
    run = grow_old(run_plan(BUSY), 100)
    make_delivery(days_ago=100)
    planned = pruned(90, dry_run=True)
    assert Run.objects.filter(pk=run.pk).exists()
    assert (artifacts_root() / str(run.pk)).exists()
    assert pruned(90) == planned


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_batch_has_a_bounded_number_of_runs(dry_run: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_RUNS", 2)
    for days in range(5):
        ended(100 + days)
    batches = [batch["runs"].rows for batch in prune(moment_before(90 * DAY_S), dry_run=dry_run) if "runs" in batch]
    assert batches == [2, 2, 1]


def test_a_batch_has_a_bounded_number_of_events_and_one_run_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH_EVENTS", 5)
    for seq in (3, 9, 2, 2):
        ended(100 - seq / 10, seq=seq)
    batches = [batch["runs"].rows for batch in prune(moment_before(90 * DAY_S)) if "runs" in batch]
    assert sum(batches) == 4
    assert max(batches) <= 2


def test_every_table_that_belongs_to_a_run_is_pruned() -> None:
    """A table that is added later must be named there, or the first prune breaks on its foreign key."""
    with connection.cursor() as cursor:
        cursor.execute("""
            WITH RECURSIVE below AS (
                SELECT 'runs_run'::regclass::oid AS id
                UNION SELECT conrelid FROM pg_constraint JOIN below ON confrelid = below.id WHERE contype = 'f'
            ) SELECT id::regclass::text FROM below""")
        assert {name for (name,) in cursor.fetchall()} == {part.table for part in OF_RUNS.values()}


def test_old_runs_are_found_by_an_index() -> None:
    after_time, after_id = pruning.BEGINNING
    after = {"after_time": after_time, "after_id": after_id}
    values = {"before": timezone.now(), "keep_days": 7, "limit": 100, **after}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {pruning.ENDED}", values)
        assert "run_ended" in "".join(line for (line,) in cursor.fetchall())


def test_files_of_runs_that_are_gone_are_found_by_the_next_prune() -> None:
    run = grow_old(run_plan(BUSY), 100)
    steps = prune(moment_before(90 * DAY_S))
    folder = artifacts_root() / str(run.pk)
    kept = folder.rename(folder.with_name("elsewhere"))
    next(steps)  # committed, and then interrupted before the files
    kept.rename(folder)

    assert pruned(90)["orphaned folders"].rows == 1
    assert list(artifacts_root().rglob("*.txt")) == []


def test_a_folder_that_is_younger_than_what_goes_is_no_orphan(data: Path) -> None:
    """Somebody may have named the wrong database: then at most what is old enough can go."""
    run = make_run()
    (artifacts_root() / str(run.pk)).mkdir(parents=True)
    Run.objects.all().delete()
    pruned(90)
    assert (artifacts_root() / str(run.pk)).exists()


def test_the_bin_is_empty_afterwards() -> None:
    grow_old(run_plan(BUSY), 100)
    pruned(90)
    assert list((artifacts_root() / TRASH).iterdir()) == []


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_who_prune_take_turns_and_lose_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pruning, "BATCH_RUNS", 2)
        parent = ended(130)
        for days in range(11):
            ended(100 + days, parent=parent)

        results: list[Any] = together(pruned, pruned, pruned)

        assert raised(results, Exception) == 0
        assert sum(gone["runs"].rows for gone in results if "runs" in gone) == 12
        assert not Run.objects.exists()

    def test_a_run_that_somebody_holds_is_left_for_later(self) -> None:
        run, other = ended(100), ended(100)
        with lock_run(str(run.pk)):
            (gone,) = together(pruned)
        assert gone["runs"].rows == 1
        assert list(Run.objects.all()) == [run]
        assert not Run.objects.filter(pk=other.pk).exists()

    def test_a_run_that_is_retried_at_the_same_moment_is_there_or_gone_whole(self) -> None:
        run = ended(100, status="error", steps={"greet": "error"})

        gone, _ = together(pruned, lambda: retry(str(run.pk), actor=make_actor()))

        is_there = Run.objects.filter(pk=run.pk).exists()
        assert is_there == ("runs" not in gone)
        assert Step.objects.filter(run=run.pk).exists() == is_there

    def test_who_is_interrupted_leaves_nothing_half_deleted(self) -> None:
        run = grow_old(run_plan(BUSY), 100)
        with connection.cursor() as cursor:  # the last of the tables refuses
            cursor.execute("CREATE FUNCTION no() RETURNS trigger AS 'BEGIN RAISE ''no''; END' LANGUAGE plpgsql")
            cursor.execute("CREATE TRIGGER no BEFORE DELETE ON runs_run FOR EACH ROW EXECUTE FUNCTION no()")
        try:
            (result,) = together(pruned)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP FUNCTION no CASCADE")
        assert isinstance(result, Exception)
        assert [model.__name__ for model in OWN if not model.objects.exists()] == ["Delivery"]
        assert (artifacts_root() / str(run.pk)).exists()
