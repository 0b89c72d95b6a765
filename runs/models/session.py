from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from runs.actors import Actor

DEFAULT_SESSION = "default"


class SessionQuerySet(models.QuerySet["Session"]):
    def active(self) -> SessionQuerySet:
        return self.filter(archived_at=None)

    def archived(self) -> SessionQuerySet:
        return self.exclude(archived_at=None)

    def visible_to(self, actor: Actor) -> SessionQuerySet:
        return self if actor.can_view else self.none()


class Session(models.Model):
    """An operator's working context: the runs that belong together."""

    name = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="session_has_a_name")]

    def __str__(self) -> str:
        return self.name
