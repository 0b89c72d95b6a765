"""The work itself, in a worker: each run by its normal move, as the person who asked.

What is meant is settled once, in a file of the workspace, so that work which was interrupted goes on with the same
runs.
To begin it anew does no harm: what this run has done before is known from the runs' own events, and is not done twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from pulser.tools.base import PermanentError, ToolContext
from pulser.tools.interruption import StopCheck
from pulser.tools.python import attentive, effect
from runs import commands
from runs.accounts.actors import OPERATOR, Actor
from runs.bulk.report import report
from runs.bulk.selection import RUNS_MAX, read_moment, selected_runs
from runs.bulk.undo import changed_runs, expected, reverse_action
from runs.errors import InvalidValue, RunError
from runs.execution.disconnects import retry_on_disconnect
from runs.models import Event, Run, Step
from runs.queries.lists.filters import TextQuery, read_filters

BATCH = 100  # runs that are read at once
SKIPPED_KEPT = 500  # told one by one; the rest is counted
TITLE_CHARS, WHY_CHARS = 100, 300
SELECTED = "selected.json"
REPORT = "report.md"
MISSING = "changed or deleted after this bulk work"


@dataclass(frozen=True, slots=True)
class Action:
    """A move, the event that tells of it, and when there is nothing left to do."""

    move: Callable[..., None]
    event: str
    is_done: Callable[[Run], bool] = lambda run: False
    is_signed: bool = False  # the event names the bulk work, so that it can be undone


ACTIONS: Mapping[str, Action] = {
    "retry": Action(commands.retry, "run.retried"),
    "cancel": Action(partial(commands.cancel, once=True), "run.cancel_requested", lambda run: run.is_cancelling),
    "archive": Action(commands.archive, "run.archived", lambda run: run.archived_at is not None, is_signed=True),
    "unarchive": Action(commands.unarchive, "run.unarchived", lambda run: run.archived_at is None, is_signed=True),
}


@dataclass(slots=True)
class BulkResult:
    """What became of the runs so far."""

    total: int
    done: int = 0
    already: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def seen(self) -> int:
        return self.done + self.already + self.reasons.total()

    @property
    def summary(self) -> str:
        parts = [f"{self.done:,} of {self.total:,} done"]
        parts += [f"{self.already:,} unchanged"] if self.already else []
        parts += [f"{self.reasons.total():,} skipped"] if self.reasons else []
        return ", ".join(parts)

    def skip(self, run_id: str, title: str, *, why: str) -> None:
        self.reasons[why[:WHY_CHARS]] += 1
        if len(self.skipped) < SKIPPED_KEPT:
            self.skipped.append({"run": run_id, "title": title[:TITLE_CHARS], "why": why[:WHY_CHARS]})

    def miss(self, number: int, *, why: str) -> None:
        """So many that nobody can name any more."""
        self.total += number
        self.reasons[why] += number

    def as_result(self) -> dict[str, Any]:
        return {
            "summary": self.summary,
            "total": self.total,
            "done": self.done,
            "already": self.already,
            "skipped": self.skipped,
            "skipped_in_all": self.reasons.total(),
            "reasons": dict(self.reasons.most_common()),
        }


@effect("idempotent")
@attentive
def carry_out(*, action: str, runs: list[str], query: str, asked_at: str, context: ToolContext) -> dict[str, Any]:
    """Do `action` to these runs, or to all that `query` meant at `asked_at`, and leave a report.

    Returns how many were done, were so already, and were skipped and why. Raises PermanentError for a request that
    means nothing, Cancelled, TimedOut.
    """
    if action not in ACTIONS:
        raise PermanentError(f"unknown action {action!r}: choose one of {', '.join(ACTIONS)}")
    return _go_through(action, lambda actor: _named(runs) or _matching(actor, query, asked_at), context=context)


@effect("idempotent")
@attentive
def take_back(*, action: str, bulk: str, context: ToolContext) -> dict[str, Any]:
    """Restore the runs that this bulk work archived, or archive those that it restored, and leave a report.

    Those that somebody moved since stay as they are. Returns and raises as `carry_out` does.
    """
    undone = retry_on_disconnect(lambda: _undone(bulk))
    if undone is None or undone.finished_at is None or reverse_action(undone) != action:
        raise PermanentError("the bulk work to undo was deleted, or is active again")
    done = retry_on_disconnect(lambda: expected(undone))
    return _go_through(action, lambda actor: _done_by(undone), context=context, number=done or 0, missing=MISSING)


def _undone(bulk: str) -> Run | None:
    try:
        return Run.objects.with_context().filter(pk=UUID(bulk)).first()
    except ValueError:
        return None


def _done_by(bulk: Run) -> list[str]:
    try:
        return [
            str(pk)
            for pk in retry_on_disconnect(lambda: list(changed_runs(bulk).values_list("pk", flat=True)[:RUNS_MAX]))
        ]
    except ValidationError as error:
        raise PermanentError("the bulk work to undo has an invalid run id") from error


def _go_through(
    action: str,
    select: Callable[[Actor], Sequence[str]],
    *,
    context: ToolContext,
    number: int = 0,
    missing: str = "",
) -> dict[str, Any]:
    """Do it to what is selected, of which `number` were expected at least; `missing` says why some are not."""
    bulk = retry_on_disconnect(lambda: Run.objects.get(pk=context.run_id))
    actor = Actor(bulk.actor, frozenset({OPERATOR}))
    ids = _selected(context.workdir / SELECTED, lambda: select(actor))
    tally = BulkResult(len(ids))
    if number > len(ids):
        tally.miss(number - len(ids), why=missing)
    print(f"{action}: {len(ids):,} runs, as {actor.name}")
    try:
        for batch in _batches(ids):
            _do(ACTIONS[action], batch, bulk=bulk, actor=actor, tally=tally, context=context)
    finally:
        print(tally.summary)
    (context.workdir / REPORT).write_text(report(bulk, tally.as_result()), encoding="utf-8")
    return tally.as_result()


def _selected(file: Path, select: Callable[[], Sequence[str]]) -> list[str]:
    """The runs that are meant, as they were settled when the work first began."""
    if file.exists():
        return [str(one) for one in json.loads(file.read_text())]
    ids = list(dict.fromkeys(select()))
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(ids))
    draft.rename(file)
    return ids


def _named(runs: Sequence[str]) -> list[str]:
    try:
        return [str(UUID(run)) for run in runs]
    except ValueError as error:
        raise PermanentError(f"the request has an invalid run id: {error}") from error


def _matching(actor: Actor, query: str, asked_at: str) -> list[str]:
    filters = read_filters(TextQuery(query))
    if filters.problems:
        raise PermanentError(f"invalid query: {filters.problems[0]}")
    try:
        moment = read_moment(asked_at)
    except InvalidValue as error:
        raise PermanentError(f"asked_at: {error.message}") from error
    found = retry_on_disconnect(
        lambda: list(selected_runs(actor, filters, asked_at=moment).values_list("pk", flat=True)[:RUNS_MAX])
    )
    return [str(pk) for pk in found]


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _do(action: Action, batch: list[str], *, bulk: Run, actor: Actor, tally: BulkResult, context: ToolContext) -> None:
    watch = StopCheck(context)
    known = retry_on_disconnect(lambda: {str(run.pk): run for run in Run.objects.filter(pk__in=batch)})
    ours = retry_on_disconnect(lambda: _done_before(action, batch, bulk=bulk, actor=actor))
    for run_id in batch:
        watch.check()
        if run_id in ours:
            tally.done += 1
        else:
            _do_one(action, run_id, run=known.get(run_id), bulk=bulk, actor=actor, tally=tally)
        context.progress(tally.seen, tally.total)


def _done_before(action: Action, batch: Sequence[str], *, bulk: Run, actor: Actor) -> set[str]:
    """The runs that an earlier attempt of this step did, or this person meanwhile."""
    if not Step.objects.filter(run=bulk, attempt__gt=1).exists():
        return set()
    told = Event.objects.filter(run_id__in=batch, kind=action.event, data__by=actor.name, at__gte=bulk.created_at)
    return {str(run_id) for run_id in told.values_list("run_id", flat=True)}


def _do_one(action: Action, run_id: str, *, run: Run | None, bulk: Run, actor: Actor, tally: BulkResult) -> None:
    if run is None:
        tally.skip(run_id, "", why="run not found")
    elif action.is_done(run):
        tally.already += 1
    else:
        try:
            signed = {"bulk": str(bulk.pk)} if action.is_signed else {}
            retry_on_disconnect(lambda: action.move(run_id, actor=actor, **signed))
            tally.done += 1
        except RunError as error:
            tally.skip(run_id, str(run), why=error.message)
