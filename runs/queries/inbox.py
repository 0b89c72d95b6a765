"""Everything that waits for a person: approvals, and steps that no machine may try again."""

from __future__ import annotations

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from runs.accounts.actors import Actor
from runs.models import Attempt, Event, Run, Step
from runs.models.step import StepQuerySet

SHOWN_MAX = 200

_LAST = Attempt.objects.filter(step=OuterRef("pk")).order_by("-number")
_SINCE = Subquery(_LAST.values(at=Coalesce("finished_at", "started_at"))[:1])


def questions(actor: Actor) -> StepQuerySet:
    """The steps that this actor may decide about, the nearest deadline first, each with its run and `since` when."""
    steps = _visible(actor).select_related("run__plan_version__plan", "run__session", "run__lane")
    return steps.annotate(since=_SINCE).order_by("deadline_at", "run_id", "position")


def count_questions(actor: Actor, *, most: int) -> int:
    """How many there are; counting ends at `most`."""
    return _visible(actor).order_by()[:most].count()


def _visible(actor: Actor) -> StepQuerySet:
    return Step.objects.awaiting(actor).filter(run__in=Run.objects.visible_to(actor))


def how_decided(run: Run, key: str) -> str:
    """Who decided about a step last, in a sentence; empty when nobody did."""
    decided = Event.objects.filter(run=run, step=key, kind__in=("approval.given", "approval.rejected"))
    event = decided.in_order().last()
    if event is None:
        return ""
    said = "approved" if event.kind == "approval.given" else "rejected"
    return f"{key} was already {said} by {event.data.get('by') or 'someone'}"
