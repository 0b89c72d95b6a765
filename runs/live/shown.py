"""What pages show of runs and steps: the one set of context builders for pages and live frames alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Func, Max, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.expressions import RawSQL

from pulser.language import limits
from runs.actors import Actor
from runs.models import Attempt, Lane, LogChunk, Run, Session, Step

BOARD_RUNS_PER_LANE = 50
LOG_CHUNKS_READ = 100  # at most, in one reading
LOG_BYTES_READ = 256 * limits.KIB

# Chunk ids grow, but their transactions do not end in that order: a reader that has seen 6 would never see 5, which was
# being written. A chunk counts when no older writer is left; after 2 s the writers of other tables are not waited for.
SETTLED = """(age("runs_logchunk"."xmin") > age(pg_snapshot_xmin(pg_current_snapshot())::xid)
              OR "runs_logchunk"."at" < clock_timestamp() - interval '2 seconds')"""


@dataclass(frozen=True, slots=True)
class CardStep:
    """A step as a card shows it: without outputs, and cheap to make by the thousand."""

    key: str
    status: str
    reason: str
    next_attempt_at: datetime | None
    deadline_at: datetime | None
    wait_role: str
    wait_message: str


CARD_FIELDS = tuple(field.name for field in fields(CardStep))


def board_runs(actor: Actor, session: Session | int | None = None, *, archived: bool = False) -> QuerySet[Run]:
    """The newest runs of each lane that the board shows, newest first: without archived ones, unless asked for as well.

    `session`: a session or its id; None shows all.
    """
    shown = Run.objects.filter(lane=OuterRef("pk"))
    shown = shown if archived else shown.active()
    if session is not None:
        shown = shown.in_session(session.pk if isinstance(session, Session) else session)
    newest = ArraySubquery(shown.newest_first().values("pk")[:BOARD_RUNS_PER_LANE])
    ids = Lane.objects.order_by().values_list(Func(newest, function="unnest", set_returning=True))
    return Run.objects.visible_to(actor).filter(pk__in=ids).with_context().newest_first()


def board_cards(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """The card contexts of these runs, in their order. One query for all steps."""
    runs = list(runs)
    ribbons: dict[Any, list[CardStep]] = {run.pk: [] for run in runs}
    steps = Step.objects.filter(run__in=runs).order_by("run_id", "position")
    for run_id, *values in steps.values_list("run_id", *CARD_FIELDS):
        ribbons[run_id].append(CardStep(*values))
    return [{"run": run, "steps": ribbons[run.pk]} for run in runs]


def card_context(run: Run) -> dict[str, Any]:
    """What `runs/_card.html` needs: the run, and its steps as `CardStep`s in plan order."""
    return board_cards([run])[0]


def run_context(run: Run) -> dict[str, Any]:
    """What the head of a run's page needs: the run, and its steps in plan order, each with `open_attempts`."""
    leases = Prefetch("attempts", queryset=Attempt.objects.open(), to_attr="open_attempts")
    return {"run": run, "steps": list(run.steps.in_plan_order().prefetch_related(leases))}


def step_context(run: Run, step: Step) -> dict[str, Any]:
    """What `runs/_step.html` needs: with attempts, proofs and artifacts, oldest first."""
    return {
        "run": run,
        "step": step,
        "attempts": list(step.attempts.all()),
        "proofs": list(step.proofs.all()),
        "artifacts": list(step.artifacts.all()),
    }


def step_contexts(run: Run, keys: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The contexts of these steps, or all of the run's, in plan order. Four queries, however many they are."""
    steps = run.steps.in_plan_order().prefetch_related("attempts", "proofs", "artifacts")
    if keys is not None:
        steps = steps.filter(key__in=keys)
    return [step_context(run, step) for step in steps]


def log_chunks(run_id: Any, *, after: int = 0) -> QuerySet[LogChunk]:
    """The chunks of a run with ids beyond `after`, in order, each with its attempt and step.

    `settled` tells whether all chunks before it can be seen too: whoever reads on from the last id stops at the first
    that is not.
    """
    chunks = LogChunk.objects.filter(attempt__step__run_id=run_id, pk__gt=after)
    settled = RawSQL(SETTLED, [], output_field=BooleanField())  # noqa: S611  # a constant
    return chunks.annotate(settled=settled).select_related("attempt__step").order_by("pk")


def read_log(run_id: Any, *, after: int = 0) -> tuple[list[LogChunk], bool, bool]:
    """The next settled chunks, about a quarter of a megabyte; whether more is there; whether one is not settled yet."""
    chunks: list[LogChunk] = []
    room = LOG_BYTES_READ
    for chunk in log_chunks(run_id, after=after)[: LOG_CHUNKS_READ + 1]:
        if not chunk.settled:  # type: ignore[attr-defined]
            return chunks, False, True
        if len(chunks) == LOG_CHUNKS_READ or room <= 0:
            return chunks, True, False
        chunks.append(chunk)
        room -= len(chunk.data)
    return chunks, False, False


def last_log_ids(run_ids: Iterable[Any]) -> dict[Any, int]:
    """The newest chunk's id of each run that has any. One index descent for each attempt."""
    newest = LogChunk.objects.filter(attempt=OuterRef("pk")).order_by("-offset").values("pk")[:1]
    attempts = Attempt.objects.filter(step__run__in=list(run_ids)).annotate(newest=Subquery(newest))
    rows = attempts.order_by().values_list("step__run_id").annotate(last=Max("newest"))
    return {run_id: last for run_id, last in rows if last is not None}
