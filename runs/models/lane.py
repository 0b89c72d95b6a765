from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Count, Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from pulser.engine.states import RunStatus
from runs.models.run import Run

if TYPE_CHECKING:
    from runs.accounts.actors import Actor

DEFAULT_LANE = "A"
DEFAULT_LIMIT = 10
REASON_CHARS = 500
QUEUE_RUNS = 100  # of a lane's queue whose place is told


class LaneQuerySet(models.QuerySet["Lane"]):
    def visible_to(self, actor: Actor) -> LaneQuerySet:
        return self if actor.can_view else self.none()

    def with_load(self) -> LaneQuerySet:
        """Adds `used` (runs that hold a slot) and `queued` (runs that want one)."""
        return self.annotate(used=_runs_in(RunStatus.RUNNING), queued=_runs_in(RunStatus.QUEUED))

    def with_queue(self) -> LaneQuerySet:
        """Adds `queue` (ids of the runs that are next, in order, at most `QUEUE_RUNS`), and what else a head shows:
        `waiting` (how many wait) and `oldest_queued_at`.
        """
        queue = Run.objects.in_status(RunStatus.QUEUED).filter(lane=OuterRef("pk"))
        oldest = queue.order_by().values("lane").annotate(at=Min("queued_at")).values("at")
        return self.annotate(
            queue=ArraySubquery(queue.in_dispatch_order().values("pk")[:QUEUE_RUNS]),
            waiting=_runs_in(RunStatus.WAITING),
            oldest_queued_at=Subquery(oldest),
        )


def _runs_in(status: str) -> Coalesce:
    """How many runs of the lane are in it. A subquery reads those alone; a join would read all there ever were."""
    runs = Run.objects.in_status(status).filter(lane=OuterRef("pk")).order_by().values("lane")
    return Coalesce(Subquery(runs.annotate(number=Count("pk")).values("number")), 0)


class Lane(models.Model):
    """A bounded row of the board: at most `limit` runs at once. Used slots are counted from the runs themselves."""

    name = models.CharField(max_length=50, unique=True)
    position = models.PositiveSmallIntegerField(default=0)
    limit = models.PositiveIntegerField(default=DEFAULT_LIMIT)
    paused = models.BooleanField(default=False)
    paused_reason = models.CharField(max_length=REASON_CHARS, blank=True)
    paused_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    paused_at = models.DateTimeField(null=True, blank=True)

    objects = LaneQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(limit__gte=1), name="lane_limit_from_one"),
            models.CheckConstraint(condition=~Q(name=""), name="lane_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
