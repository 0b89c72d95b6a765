"""Runs of the same plan: the newest ones, and those that a run is compared with."""

from __future__ import annotations

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef

from pulser.models import PlanVersion
from runs.accounts.actors import Actor
from runs.models import Run
from runs.models.run import RunQuerySet

VERSIONS_LOOKED_AT = 50


def newest_of_plan(actor: Actor, plan_id: int, *, most: int, among: RunQuerySet | None = None) -> RunQuerySet:
    """The newest runs of a plan, whatever their version, newest first; `among` narrows them.

    The newest of each version are read from the index, however many runs there are.
    """
    seen = (Run.objects.all() if among is None else among).visible_to(actor)
    found = seen.filter(plan_version=OuterRef("pk"))
    newest = ArraySubquery(found.order_by("-created_at").values("pk")[:most])
    # Read first: a LIMIT in the same query would count what `unnest` makes of the versions, not the versions.
    latest = list(PlanVersion.objects.filter(plan=plan_id).order_by("-number").values("pk")[:VERSIONS_LOOKED_AT])
    versions = PlanVersion.objects.filter(pk__in=[version["pk"] for version in latest]).order_by()
    ids = versions.values_list(Func(newest, function="unnest", set_returning=True))
    return Run.objects.visible_to(actor).filter(pk__in=ids).with_context().newest_first()[:most]


def success_before(actor: Actor, run: Run) -> Run | None:
    """The last run of the plan that succeeded before this one was made."""
    earlier = Run.objects.in_status("success").filter(created_at__lt=run.created_at)
    return newest_of_plan(actor, run.plan_version.plan_id, most=1, among=earlier).first()
