from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, Func, IntegerField, OuterRef, Subquery, When
from django.db.models.functions import Now

from runs.models.run import Run

if TYPE_CHECKING:
    from runs.accounts.actors import Actor

DEFAULT_SESSION = "default"
NAME_CHARS = 200
RUNS_COUNTED = 1_000  # of one session in a list; more are "1,000+"


class SessionQuerySet(models.QuerySet["Session"]):
    def active(self) -> SessionQuerySet:
        return self.filter(archived_at=None)

    def archived(self) -> SessionQuerySet:
        return self.exclude(archived_at=None)

    def visible_to(self, actor: Actor) -> SessionQuerySet:
        return self if actor.can_view else self.none()

    def named_like(self, text: str) -> SessionQuerySet:
        return self.filter(name__icontains=text)

    def default_first(self) -> SessionQuerySet:
        """Then the newest."""
        return self.order_by(Case(When(name=DEFAULT_SESSION, then=0), default=1), "-pk")

    def with_use(self) -> SessionQuerySet:
        """Adds `runs`, counted up to one more than `RUNS_COUNTED`, and `last_run_at`: short walks along an index."""
        runs = Run.objects.filter(session=OuterRef("pk")).order_by("-created_at")
        some = ArraySubquery(runs.values("pk")[: RUNS_COUNTED + 1])
        return self.annotate(
            runs=Func(some, function="cardinality", output_field=IntegerField()),
            last_run_at=Subquery(runs.values("created_at")[:1]),
        )


class Session(models.Model):
    """An operator's working context: the runs that belong together."""

    name = models.CharField(max_length=NAME_CHARS, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="session_has_a_name")]

    def __str__(self) -> str:
        return self.name
