"""Taking bulk work back: which runs it archived or restored, by their own logs, and the run that reverses that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import OuterRef, Subquery
from django.db.models.fields.json import KeyTextTransform

from pulser.engine.states import RUN_ENDED, RunStatus
from pulser.language.limits import TITLE_CHARS
from runs.accounts.actors import Actor
from runs.bulk.plan import BY_BOARD, UNDO_SLUG, ensure_lane, ensure_undo_plan
from runs.commands.start import Idempotency, start_run
from runs.errors import Forbidden, InvalidValue, MoveRefused
from runs.models import Event, Run, Step
from runs.models.run import RunQuerySet
from runs.queries.lists.filters import TextQuery, matching, read_filters

UNDONE_BY = {"archive": "unarchive", "unarchive": "archive"}
MOVES = ("run.archived", "run.unarchived")
UNDO, REDO = "Undo: ", "Redo: "


def reverse_action(bulk: Run) -> str:
    """The action that takes it back; empty for what is no bulk work, and for what cannot be taken back."""
    is_ours = bulk.plan_version.plan.slug in BY_BOARD
    return UNDONE_BY.get(str(bulk.params.get("action")), "") if is_ours else ""


def start_undo(actor: Actor, bulk: Run) -> Run:
    """The run that takes it back. Raises Forbidden, InvalidValue, MoveRefused, Busy."""
    if not actor.can_operate:
        raise Forbidden("this requires the role operator")
    action = reverse_action(bulk)
    if not action:
        raise InvalidValue("only bulk work that archived or unarchived runs can be undone")
    if not bulk.is_finished:
        raise MoveRefused("it is still active: cancel it or wait until it ends, then undo it")
    if bulk.status == RunStatus.SUCCESS and expected(bulk) == 0:
        raise MoveRefused("nothing to undo: it changed no runs")
    failed = _tries(bulk)
    # Of two who press at once one starts it, and the other finds it started.
    started = start_run(
        ensure_undo_plan(),
        params={"action": action, "bulk": str(bulk.pk)},
        actor=actor,
        trigger="board",
        lane=ensure_lane(),
        title=_title(bulk.title),
        parent=bulk,
        idempotency=Idempotency.of("bulk-undo", f"{bulk.pk}/{bulk.retry_count}/{failed}", b""),
    )
    if not started.created:
        raise MoveRefused("the undo is already running")
    return started.run


def can_undo(bulk: Run, children: Iterable[Run]) -> bool:
    """Whether its page offers that: it has ended, and none of the runs that it led to undid it, or is about to."""
    undos = (child for child in children if child.plan_version.plan.slug == UNDO_SLUG)
    return bulk.is_finished and bool(reverse_action(bulk)) and not any(_counts(child, bulk) for child in undos)


def _counts(undo: Run, bulk: Run) -> bool:
    is_for_nothing = undo.is_finished and undo.status != RunStatus.SUCCESS
    return bulk.finished_at is not None and undo.created_at > bulk.finished_at and not is_for_nothing


def _tries(bulk: Run) -> int:
    """How often it was tried in vain to undo it. Raises MoveRefused when it is undone, or is about to be."""
    undos = bulk.children.filter(plan_version__plan__slug=UNDO_SLUG, created_at__gt=bulk.finished_at)
    statuses = list(undos.values_list("status", flat=True))
    if RunStatus.SUCCESS in statuses:
        raise MoveRefused("already undone")
    if any(status not in RUN_ENDED for status in statuses):
        raise MoveRefused("the undo is already running")
    return len(statuses)


def _title(title: str) -> str:
    """What undoes an undo does the first thing again."""
    if title.startswith(UNDO):
        return REDO + title.removeprefix(UNDO)
    return (UNDO + title.removeprefix(REDO))[:TITLE_CHARS]


def expected(bulk: Run) -> int | None:
    """How many runs it said it changed; None when it came to no result."""
    outputs = Step.objects.filter(run=bulk, key="work").values_list("outputs", flat=True).first() or {}
    result = outputs.get("result")
    done = result.get("done") if isinstance(result, dict) else None
    return done if isinstance(done, int) else None


def changed_runs(bulk: Run) -> RunQuerySet:
    """The runs that it archived, or restored, and that nobody moved since; oldest first. `bulk` has ended."""
    told = Event.objects.filter(run=OuterRef("pk"), kind__in=MOVES).order_by("-seq")
    last = told.annotate(bulk=KeyTextTransform("bulk", "data")).values("bulk")[:1]
    return _left_by(bulk).alias(bulk=Subquery(last)).filter(bulk=str(bulk.pk)).order_by("created_at", "pk")


def _left_by(bulk: Run) -> RunQuerySet:
    """Runs as it left them, those it was asked about: so few that their logs can be looked at."""
    if bulk.params["action"] == "archive":
        left = Run.objects.archived().filter(archived_at__gte=bulk.created_at, archived_at__lte=bulk.finished_at)
    else:
        left = Run.objects.active().filter(finished_at__lt=bulk.created_at)
    return _asked_about(left, bulk)


def _asked_about(runs: RunQuerySet, bulk: Run) -> RunQuerySet:
    """Narrowed by what does not change: a run may have another status by now, and none has another plan."""
    if "bulk" in bulk.params:
        return _asked_about(runs, bulk.parent) if bulk.parent else runs
    if bulk.params.get("runs"):
        return runs.filter(pk__in=bulk.params["runs"])
    filters = read_filters(TextQuery(bulk.params.get("query", "")))
    return matching(runs, replace(filters, status=(), within="", waits_for="", q="", archived=True)).filter(
        created_at__lte=bulk.created_at
    )
